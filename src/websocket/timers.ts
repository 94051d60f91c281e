import type { Clock } from '../cache/index.ts';

/** The passing of time as sockets feel it. Tests inject one they can move. */
export interface Timers extends Clock {
  /** Runs `run` once, `delayMs` from now, unless the returned function is called first. */
  after(delayMs: number, run: () => void): () => void;
}

/** Node's own. They keep no process alive. */
export const systemTimers: Timers = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, delayMs).unref();
    // Of a delay that is unique, and unreferenced, Node would keep a list without timers until the delay is over.
    return () => clearTimeout(timeout.ref());
  },
};

/** The longest delay Node's timers take; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Runs `run` once `atMs` has come, however far away that is, unless the returned function is called first. */
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
