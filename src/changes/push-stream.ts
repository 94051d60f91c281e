/** Thrown into a stream whose consumer fell too far behind. */
export class ConsumerTooSlowError extends Error {
  override readonly name = 'ConsumerTooSlowError';
}

const MAX_QUEUED = 10_000;

/**
 * What is pushed, in order, from the moment of the call until the consumer stops.
 * A consumer that falls 10,000 values behind gets a `ConsumerTooSlowError` in place of what it missed.
 * @param begin starts pushing and returns what ends it
 */
export function createPushStream<T>(begin: (push: (value: T) => void) => () => void): AsyncIterableIterator<T> {
  const queued: T[] = [];
  let wake: (() => void) | undefined;
  let failure: Error | undefined;
  let isDone = false;
  const end = begin((value) => {
    if (failure || isDone) return;
    queued.push(value);
    if (queued.length > MAX_QUEUED) {
      failure = new ConsumerTooSlowError(`The consumer fell ${queued.length} values behind.`);
      queued.length = 0;
    }
    wake?.();
  });
  const stop = async (): Promise<IteratorReturnResult<undefined>> => {
    if (!isDone) end();
    isDone = true;
    wake?.();
    return { done: true, value: undefined };
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (queued.length === 0 && !failure && !isDone) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure && !isDone) {
        await stop();
        throw failure;
      }
      return isDone ? { done: true, value: undefined } : { done: false, value: queued.shift()! };
    },
    return: stop,
    async throw(error) {
      await stop();
      throw error;
    },
  };
}
