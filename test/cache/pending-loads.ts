import type { FillLease } from '../../src/cache/index.ts';

/** One call of a loader, waiting for the test to answer it. */
export interface PendingLoad {
  readonly keys: readonly string[];
  readonly lease: FillLease;
  answer(values: readonly unknown[]): void;
  fail(error: Error): void;
}

/** A loader for `readMany` whose every call waits until the test answers it. */
export function createPendingLoads() {
  const begun: PendingLoad[] = [];
  const awaited: ((load: PendingLoad) => void)[] = [];
  let count = 0;
  return {
    /** How often the loader was called. */
    get count() {
      return count;
    },
    /** Hands out the calls in their order, each once. */
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
