/** What a stream's values are to those who read them. */
export interface PushStreamTraits<T> {
  /** Whether a value means the same to everybody who asked for the stream in the same words, whoever they are. */
  readonly isShared: boolean;
  /** Of two values with the same key the newer one says all there is to know now. */
  keyOf(value: T): string;
  /** Stands for everything that was pushed while the consumer was too far behind. */
  readonly missed: T;
}

export interface PushStream<T> extends AsyncIterableIterator<T>, PushStreamTraits<T> {
  /** How many values were pushed so far. */
  readonly pushed: number;
  /** How many had been pushed when the value that was read last was: what was pushed later has a higher number. */
  readonly taken: number;
}

const MAX_QUEUED = 10_000;

/**
 * What is pushed, in order, from the moment of the call until the consumer stops. A consumer that falls 10,000 values
 * behind gets `missed` in place of them, and then what comes after.
 * @param begin starts pushing and returns what ends it
 */
export function createPushStream<T>(
  begin: (push: (value: T) => void) => () => void,
  traits: PushStreamTraits<T>,
): PushStream<T> {
  let queued: { readonly value: T; readonly place: number }[] = [];
  let wake: (() => void) | undefined;
  let isDone = false;
  let pushed = 0;
  let taken = 0;
  const end = begin((value) => {
    if (isDone) return;
    pushed += 1;
    queued.push({ value, place: pushed });
    if (queued.length > MAX_QUEUED) queued = [{ value: traits.missed, place: pushed }];
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
      const { value, place } = queued.shift()!;
      taken = place;
      return { done: false, value };
    },
    return: stop,
    async throw(error) {
      await stop();
      throw error;
    },
  };
}
