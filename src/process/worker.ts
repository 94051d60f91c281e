import { exitAfterOutput } from './output.ts';
import type { Introduction, Running } from './running.ts';
import { stopOnFirstSignal } from './signals.ts';
import { explainFailure } from './start-error.ts';

/** What a worker tells its primary. */
export type WorkerReport =
  | { readonly kind: 'ready'; readonly introduction: Introduction }
  | { readonly kind: 'failed'; readonly message: string; readonly exitCode: number };

/**
 * Runs this process as a worker of `runWorkers`: it prints nothing, and reports to its primary instead. `start` may throw.
 */
export async function runAsWorker(start: () => Running): Promise<void> {
  try {
    const running = start();
    stopOnFirstSignal(running.stop, fail);
    const introduction = await running.ready;
    if (introduction) report({ kind: 'ready', introduction });
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): void {
  const { message, exitCode } = explainFailure(error);
  report({ kind: 'failed', message, exitCode }, () => void exitAfterOutput(exitCode));
}

function report(what: WorkerReport, onSent?: () => void): void {
  process.send!(what, undefined, undefined, onSent);
}
