import type { FiguresExchange } from './figures.ts';
import { exitAfterOutput } from './output.ts';
import type { Introduction, Running } from './running.ts';
import { stopOnFirstSignal } from './signals.ts';
import { explainFailure } from './start-error.ts';
import type { PrimaryMessage } from './worker-figures.ts';

/** What a worker tells its primary. */
export type WorkerReport =
  | { readonly kind: 'ready'; readonly introduction: Introduction }
  | { readonly kind: 'failed'; readonly message: string; readonly exitCode: number }
  | { readonly kind: 'collect figures'; readonly question: number }
  | { readonly kind: 'figures'; readonly question: number; readonly figures: unknown };

/** How long the primary may take to answer, which itself waits a second for the workers. */
const PRIMARY_ANSWERS_MS = 3000;

/**
 * Runs this process as a worker of `runWorkers`: it prints nothing, and reports to its primary instead. `start` may throw.
 */
export async function runAsWorker(start: (figures: FiguresExchange) => Running): Promise<void> {
  try {
    const running = start(new PrimaryExchange());
    stopOnFirstSignal(running.stop, fail);
    const introduction = await running.ready;
    if (introduction) report({ kind: 'ready', introduction });
  } catch (error) {
    fail(error);
  }
}

/** The exchange of figures, over the channel to the primary. */
class PrimaryExchange implements FiguresExchange {
  readonly #questions = new Map<number, (text: string) => void>();
  #read: (() => Promise<unknown>) | undefined;
  #asked = 0;

  constructor() {
    process.on('message', (message: PrimaryMessage) => {
      if (message.kind === 'report figures') this.#report(message.question);
      else this.#questions.get(message.question)?.(message.text);
    });
  }

  offer(read: () => Promise<unknown>): void {
    this.#read = read;
  }

  async collect(): Promise<string> {
    const question = ++this.#asked;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error('The primary does not answer.')), PRIMARY_ANSWERS_MS);
    this.#questions.set(question, resolve);
    report({ kind: 'collect figures', question });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(question);
    }
  }

  #report(question: number): void {
    this.#read?.().then(
      (figures) => report({ kind: 'figures', question, figures }),
      () => {}, // Without an answer this worker is counted as missing.
    );
  }
}

function fail(error: unknown): void {
  const { message, exitCode } = explainFailure(error);
  report({ kind: 'failed', message, exitCode }, () => void exitAfterOutput(exitCode));
}

function report(what: WorkerReport, onSent?: () => void): void {
  process.send!(what, undefined, undefined, onSent);
}
