/** How the consumers of a stream treat its values. */
export interface PushStreamTraits<T, Piece = never> {
  /** Whether a value is the same for all consumers that opened the stream with the same arguments. */
  readonly isShared: boolean;
  /** Values with the same key supersede each other: the newest one is sufficient. */
  keyOf(value: T): string;
  /** Where a consumer that was cut off after this value goes on; a stream without it cannot be resumed. */
  positionOf?(value: T): string;
  /** The value that replaces the queue of a consumer that is too far behind. */
  missed(): T;
  /** What a consumer that was cut off has missed. It gets that first, and then what was pushed since. */
  readonly replay?: Replay<Piece> | undefined;
  /** The values of a piece of a replay, of this stream or another one that was opened with the same arguments. */
  eventsIn?(piece: Piece): readonly T[];
}

/** Gives what was pushed to others before a stream began. */
export interface Replay<Piece> {
  /**
   * The next piece, possibly without values, and the same object for consumers that missed the same; `null` when there are no
   * more: everything else is still to be pushed.
   */
  next(): Piece | null;
}

/** A stream that its producer pushes values into. It never fails; `return` and `throw` end it. */
export interface PushStream<T, Piece = never> extends AsyncIterableIterator<T>, PushStreamTraits<T, Piece> {
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
export function createPushStream<T, Piece = never>(
  begin: (push: (value: T) => void) => () => void,
  traits: PushStreamTraits<T, Piece>,
): PushStream<T, Piece> {
  return new QueuedStream(begin, traits);
}

/** A class, because subscribers who join others open a stream each. */
class QueuedStream<T, Piece> implements PushStream<T, Piece> {
  readonly isShared: boolean;
  readonly keyOf: (value: T) => string;
  readonly positionOf: ((value: T) => string) | undefined;
  readonly missed: () => T;
  readonly replay: Replay<Piece> | undefined;
  readonly eventsIn: ((piece: Piece) => readonly T[]) | undefined;
  pushed = 0;
  taken = 0;
  takenAtMs = 0;
  #queued: { readonly value: T; readonly place: number; readonly atMs: number }[] = [];
  #wake: (() => void) | undefined;
  #isDone = false;
  readonly #end: () => void;

  constructor(begin: (push: (value: T) => void) => () => void, traits: PushStreamTraits<T, Piece>) {
    this.isShared = traits.isShared;
    this.keyOf = traits.keyOf;
    this.positionOf = traits.positionOf;
    this.missed = traits.missed;
    this.replay = traits.replay;
    this.eventsIn = traits.eventsIn;
    this.#end = begin((value) => this.#push(value));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.#queued.length === 0 && !this.#isDone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#isDone) return { done: true, value: undefined };
    const { value, place, atMs } = this.#queued.shift()!;
    this.taken = place;
    this.takenAtMs = atMs;
    return { done: false, value };
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#isDone) this.#end();
    this.#isDone = true;
    this.#wake?.();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  #push(value: T): void {
    if (this.#isDone) return;
    this.pushed += 1;
    const atMs = performance.now();
    this.#queued.push({ value, place: this.pushed, atMs });
    if (this.#queued.length > MAX_QUEUED) this.#queued = [{ value: this.missed(), place: this.pushed, atMs }];
    this.#wake?.();
  }
}
