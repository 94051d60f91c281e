import { setTimeout as sleep } from 'node:timers/promises';

/** Bounds of an exponential back-off. */
export interface Backoff {
  /** The longest possible wait after the first failure, in milliseconds. It doubles with each further failure. */
  readonly minMs: number;
  /** The longest possible wait of all, in milliseconds. */
  readonly maxMs: number;
  /** Returns a number from 0 up to, but not including, 1. Default: `Math.random`. */
  readonly random?: () => number;
}

export interface RetryOptions {
  readonly backoff: Backoff;
  /** Whether an error may pass by itself. Other errors end the retries. */
  readonly isTransient: (error: unknown) => boolean;
  /** Called after each transient failure, before the wait. */
  readonly onRetry: (error: unknown, waitMs: number) => void;
  /** Ends the retries. */
  readonly signal: AbortSignal;
  /** Waits, and rejects when the signal is aborted. Default: a timer that keeps the process alive. */
  readonly wait?: (waitMs: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Returns how many milliseconds to wait before the next attempt, after `failures` + 1 failed ones.
 *
 * The wait is a random part of a bound that doubles ("full jitter"), so that many instances which lost the same server do
 * not come back at the same time (Brooker, "Exponential Backoff And Jitter", 2015).
 */
export function backoffMs(failures: number, { minMs, maxMs, random = Math.random }: Backoff): number {
  return Math.round(random() * Math.min(maxMs, minMs * 2 ** failures));
}

/**
 * Runs `work` until it succeeds, and waits between the attempts. `work` may call `reset` once it runs well: a failure after
 * that counts as the first.
 *
 * @throws the first error that is not transient, or the reason of the abort
 */
export async function retryWithBackoff<Result>(
  work: (reset: () => void) => Promise<Result>,
  { backoff, isTransient, onRetry, signal, wait = keepAliveWait }: RetryOptions,
): Promise<Result> {
  let failures = 0;
  const reset = () => {
    failures = 0;
  };
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work(reset);
    } catch (error) {
      if (!isTransient(error)) throw error;
      const waitMs = backoffMs(failures++, backoff);
      onRetry(error, waitMs);
      await wait(waitMs, signal);
    }
  }
}

/** Waits without keeping the process alive. */
export function backgroundWait(waitMs: number, signal: AbortSignal): Promise<void> {
  return sleep(waitMs, undefined, { signal, ref: false });
}

function keepAliveWait(waitMs: number, signal: AbortSignal): Promise<void> {
  return sleep(waitMs, undefined, { signal });
}
