import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** Whether an error will pass by itself. Any other is thrown on. */
  readonly isTransient: (error: unknown) => boolean;
  /** Told of each failure that will be tried again. */
  readonly onRetry: (error: unknown, waitMs: number) => void;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;

/**
 * Runs `work` until it succeeds. The wait in between doubles up to a bound, and half of it is left to chance, so that
 * instances that lost the same database do not come back in step.
 * @throws {unknown} what does not pass by itself, or the reason of the abort
 */
export async function retryWithBackoff<Result>(
  work: () => Promise<Result>,
  { isTransient, onRetry, signal }: RetryOptions,
): Promise<Result> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error)) throw error;
      const boundMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** failures);
      const waitMs = Math.round(boundMs * (0.5 + Math.random() / 2));
      onRetry(error, waitMs);
      await sleep(waitMs, undefined, { signal });
    }
  }
}
