import type { FillLease } from '../../src/cache/index.ts';

/** A call of a loader that the test has not answered yet. */
export interface PendingLoad {
  readonly keys: readonly string[];
  readonly lease: FillLease;
  answer(values: readonly unknown[]): void;
  fail(error: Error): void;
}

/** Creates a loader for `readMany` whose calls wait until the test answers them. */
export function createPendingLoads() {
  const begun: PendingLoad[] = [];
  const awaited: ((load: PendingLoad) => void)[] = [];
  let count = 0;
  return {
    /** The number of calls of the loader. */
    get count() {
      return count;
    },
    /** Returns the calls in order, each once; waits for the next call if there is none. */
    async next(): Promise<PendingLoad> {
      return begun.shift() ?? new Promise<PendingLoad>((resolve) => awaited.push(resolve));
    },
    loadMissing<V>(keys: readonly string[], lease: FillLease): Promise<readonly V[]> {
      count++;
      const { promise, resolve, reject } = Promise.withResolvers<readonly V[]>();
      const load: PendingLoad = { keys, lease, answer: (values) => resolve(values as V[]), fail: reject };
      const waiting = awaited.shift();
      if (waiting) waiting(load);
      else begun.push(load);
      return promise;
    },
  };
}
