import type { Clock } from './cache/index.ts';

/** Time as sockets and the rate limit see it. Tests inject timers that they move by hand. */
export interface Timers extends Clock {
  /** Runs `run` once, `delayMs` from now, unless the returned function is called first. */
  after(delayMs: number, run: () => void): () => void;
}

/** Node's timers. They do not keep the process alive. */
export const systemTimers: Timers = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, delayMs).unref();
    // Node keeps the list of a unique delay until it elapses if its only timer is cleared while unreferenced.
    return () => clearTimeout(timeout.ref());
  },
};

/** The longest delay of a Node timer; a longer one fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Runs `run` at `atMs`, however far away that is, unless the returned function is called first. */
export function runAt(atMs: number, timers: Timers, run: () => void): () => void {
  let cancel = () => {};
  const wait = () => {
    const remainingMs = atMs - timers.now();
    if (remainingMs <= 0) run();
    else cancel = timers.after(Math.min(remainingMs, LONGEST_DELAY_MS), wait);
  };
  wait();
  return () => cancel();
}

/** Returns how much of `totalMs` is left since it was called for the first time. */
export function countDown(totalMs: number): () => number {
  let endsAtMs: number | undefined;
  return () => {
    endsAtMs ??= performance.now() + totalMs;
    return Math.max(0, endsAtMs - performance.now());
  };
}
