import type { App } from '../app.ts';

/** The signals that ask a process to stop, by their numbers. */
export const STOP_SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
export type StopSignal = keyof typeof STOP_SIGNALS;

/** What is told once, when everything runs. */
export type Introduction = Pick<App, 'url' | 'tokens'>;

/** What was started and runs until it is told to stop: one server, or several that share a port. */
export interface Running {
  /** `null`: it was told to stop before it was ready. Rejects when it cannot start. */
  readonly ready: Promise<Introduction | null>;
  /** Stops in good order. Resolves when nothing runs any more. */
  stop(signal: StopSignal): Promise<void>;
}
