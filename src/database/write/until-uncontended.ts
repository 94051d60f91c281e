import { type Backoff, retryWithBackoff } from '../../retry.ts';
import { isUndone } from '../failures.ts';

const BACKOFF: Backoff = { minMs: 20, maxMs: 200 };
const NEVER = new AbortController().signal;

/**
 * Runs a write, and runs it again while PostgreSQL undoes it because of what others do: deadlocks, transactions that
 * cannot be serialized, locks that are not available. Nothing was written then, so nothing is written twice.
 * @param patienceMs for how long after the first attempt another one is made
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
