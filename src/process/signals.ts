import { exitAfterOutput } from './output.ts';

/** The signals that ask a process to stop, with their numbers. */
const STOP_SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
export type StopSignal = keyof typeof STOP_SIGNALS;

/** A shell adds this to the number of the signal that ended a process. */
const EXIT_BY_SIGNAL = 128;

/** On Ctrl-C a terminal sends SIGINT to npm and to its child, and npm passes its own on: the second one does not count. */
const REPEAT_MS = 100;

/** Answers what is in flight and lets go of everything. */
export type Stop = (signal: StopSignal) => Promise<void>;

/** What a process says and does about its end. */
export interface Ending {
  say(text: string): void;
  /** Ends the process because stopping failed. */
  fail(error: unknown): void;
}

/** The first signal calls `stop` and then ends the process with 0. A second one ends it at once. */
export function stopOnSignals(stop: Stop, { say, fail }: Ending): void {
  let stoppingSinceMs: number | undefined;
  onStopSignals((signal) => {
    if (stoppingSinceMs === undefined) {
      stoppingSinceMs = performance.now();
      say(`${signal}: answering what is in flight, then stopping. Once more to stop at once.`);
      stop(signal).then(() => exitAfterOutput(0), fail);
    } else if (performance.now() - stoppingSinceMs > REPEAT_MS) {
      process.exit(EXIT_BY_SIGNAL + STOP_SIGNALS[signal]);
    }
  });
}

/** The same for a worker, which leaves impatience to its primary: further signals are ignored. */
export function stopOnFirstSignal(stop: Stop, fail: Ending['fail']): void {
  let isStopping = false;
  onStopSignals((signal) => {
    // A terminal's Ctrl-C arrives twice: from the terminal and from the primary.
    if (!isStopping) stop(signal).then(() => exitAfterOutput(0), fail);
    isStopping = true;
  });
}

function onStopSignals(handle: (signal: StopSignal) => void): void {
  for (const signal of Object.keys(STOP_SIGNALS) as StopSignal[]) process.on(signal, handle);
}
