import { type Backoff, retryWithBackoff } from '../../retry.ts';
import { isUndone } from '../failures.ts';

const BACKOFF: Backoff = { minMs: 20, maxMs: 200 };
const NEVER = new AbortController().signal;

/**
 * Runs a write, and repeats it when PostgreSQL rolls it back because of concurrent transactions: deadlocks, serialization
 * failures, unavailable locks. A write that was rolled back left nothing behind, so nothing is written twice.
 * @param patienceMs how long after the first attempt a new one may still begin
 * @throws the error of the last attempt
 */
export function untilUncontended<Result>(work: () => Promise<Result>, patienceMs: number): Promise<Result> {
  const untilMs = performance.now() + patienceMs;
  return retryWithBackoff(work, {
    backoff: BACKOFF,
    isTransient: (error) => isUndone(error) && performance.now() < untilMs,
    onRetry: () => {},
    signal: NEVER,
  });
}
