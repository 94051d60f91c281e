/** How the consumers of a stream treat its values. */
export interface PushStreamTraits<T> {
  /** Whether a value is the same for all consumers that opened the stream with the same arguments. */
  readonly isShared: boolean;
  /** Values with the same key supersede each other: the newest one is sufficient. */
  keyOf(value: T): string;
  /** Where a consumer that was cut off after this value goes on; a stream without it cannot be resumed. */
  positionOf?(value: T): string;
  /** The value that replaces the queue of a consumer that is too far behind. */
  missed(): T;
  /** What a consumer that was cut off has missed. It gets that first, and then what was pushed since. */
  readonly replay?: Replay<T> | undefined;
}

/** Gives what was pushed to others before a stream began. */
export interface Replay<T> {
  /** The next values, possibly none; `null` when there are no more: everything else is still to be pushed. */
  next(): readonly T[] | null;
}

/** A stream that its producer pushes values into. It never fails; `return` and `throw` end it. */
export interface PushStream<T> extends AsyncIterableIterator<T>, PushStreamTraits<T> {
  /** The number of values pushed so far. */
  readonly pushed: number;
  /** The value of `pushed` when the last read value was pushed. Values pushed later have higher numbers. */
  readonly taken: number;
  /** When the last read value was pushed, by `performance.now()`. */
  readonly takenAtMs: number;
}

const MAX_QUEUED = 10_000;

/**
 * Creates a stream of the values pushed from this call on, in order, until the consumer ends it. A queue of more than 10,000
 * values is replaced by one `missed`; values pushed after that follow it.
 * @param begin starts pushing and returns a function that stops it
 */
export function createPushStream<T>(
  begin: (push: (value: T) => void) => () => void,
  traits: PushStreamTraits<T>,
): PushStream<T> {
  let queued: { readonly value: T; readonly place: number; readonly atMs: number }[] = [];
  let wake: (() => void) | undefined;
  let isDone = false;
  let pushed = 0;
  let taken = 0;
  let takenAtMs = 0;
  const end = begin((value) => {
    if (isDone) return;
    pushed += 1;
    const atMs = performance.now();
    queued.push({ value, place: pushed, atMs });
    if (queued.length > MAX_QUEUED) queued = [{ value: traits.missed(), place: pushed, atMs }];
    wake?.();
  });
  const stop = async (): Promise<IteratorReturnResult<undefined>> => {
    if (!isDone) end();
    isDone = true;
    wake?.();
    return { done: true, value: undefined };
  };
  return {
    ...traits,
    get pushed() {
      return pushed;
    },
    get taken() {
      return taken;
    },
    get takenAtMs() {
      return takenAtMs;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (queued.length === 0 && !isDone) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (isDone) return { done: true, value: undefined };
      const { value, place, atMs } = queued.shift()!;
      taken = place;
      takenAtMs = atMs;
      return { done: false, value };
    },
    return: stop,
    async throw(error) {
      await stop();
      throw error;
    },
  };
}
