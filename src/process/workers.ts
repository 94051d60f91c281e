import cluster, { type Worker } from 'node:cluster';
import type { Config } from '../config/config.ts';
import { backoffMs } from '../retry.ts';
import type { FiguresMerger } from './figures.ts';
import type { Introduction, Running } from './running.ts';
import type { StopSignal } from './signals.ts';
import { EXIT_CODE, StartError } from './start-error.ts';
import type { WorkerReport } from './worker.ts';
import { keepFiguresWhole, WorkerFigures } from './worker-figures.ts';

/*
 * Several processes that share one port (node:cluster). Each is a whole server with its own cache. They relate to each
 * other as instances on different machines do: through PostgreSQL.
 */

export interface WorkersOptions extends Pick<Config, 'workers' | 'shutdownGraceSeconds'> {
  /** Called with a sentence about each worker that ended by itself. */
  readonly warn: (text: string) => void;
  readonly figures: FiguresMerger;
}

const BACKOFF = { minMs: 100, maxMs: 10_000 };
/** For how long a crash delays the replacement after the next one. */
const CRASH_MEMORY_MS = 60_000;
/** Workers end within the grace period. This much later the primary kills those that are left. */
const KILL_AFTER_MS = 2000;

/**
 * Runs as many workers as configured, and replaces each worker that ends by itself. The first one starts alone: it migrates
 * the database, and whatever keeps it from starting would keep the others from starting too.
 */
export function runWorkers(options: WorkersOptions): Running {
  return new Workers(options);
}

class Workers implements Running {
  readonly #options: WorkersOptions;
  readonly #ready = Promise.withResolvers<Introduction | null>();
  readonly #allEnded = Promise.withResolvers<void>();
  readonly #readyWorkers = new Set<Worker>();
  readonly #replacements = new Set<NodeJS.Timeout>();
  readonly #figures: WorkerFigures;
  /** Of the first worker, once that is ready. */
  #introduction: Introduction | null = null;
  #recentCrashes = 0;
  #isStopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#figures = new WorkerFigures(options.figures);
    keepFiguresWhole();
    cluster.on('message', (worker, report: WorkerReport) => this.#onReport(worker, report));
    cluster.on('exit', (worker, code, signal) => this.#onExit(worker, signal ?? `exit code ${code}`));
    this.#fork();
  }

  get ready(): Promise<Introduction | null> {
    return this.#ready.promise;
  }

  readonly stop = async (signal: StopSignal): Promise<void> => {
    this.#isStopping = true;
    for (const timer of this.#replacements) clearTimeout(timer);
    this.#ready.resolve(null);
    for (const { process } of liveWorkers()) process.kill(signal);
    if (liveWorkers().length === 0) return;
    const killing = setTimeout(
      () => {
        for (const { process } of liveWorkers()) process.kill('SIGKILL');
      },
      this.#options.shutdownGraceSeconds * 1000 + KILL_AFTER_MS,
    );
    await this.#allEnded.promise;
    clearTimeout(killing);
  };

  #fork(): void {
    this.#figures.add(cluster.fork());
  }

  #onReport(worker: Worker, report: WorkerReport): void {
    switch (report.kind) {
      case 'ready':
        this.#onReady(worker, report.introduction);
        break;
      case 'failed':
        this.#onFailure(new StartError(report.exitCode, report.message));
        break;
      case 'figures':
        this.#figures.receive(worker, report.question, report.figures);
        break;
      case 'collect figures':
        void this.#figures.collectFor(worker, report.question, this.#readyWorkers);
    }
  }

  #onReady(worker: Worker, introduction: Introduction): void {
    const count = this.#options.workers;
    if (this.#introduction === null) {
      this.#introduction = introduction;
      for (let number = 1; number < count && !this.#isStopping; number++) this.#fork();
    }
    this.#readyWorkers.add(worker);
    if (this.#readyWorkers.size === count) this.#ready.resolve(this.#introduction);
  }

  #onFailure(error: StartError): void {
    if (this.#introduction) this.#options.warn(error.message);
    else this.#ready.reject(error);
  }

  #onExit(worker: Worker, how: string): void {
    this.#readyWorkers.delete(worker);
    this.#figures.end(worker);
    if (this.#isStopping) {
      if (liveWorkers().length === 0) this.#allEnded.resolve();
    } else if (this.#introduction === null) {
      this.#onFailure(new StartError(EXIT_CODE.unexpected, `The first worker ended with ${how} before it was ready.`));
    } else {
      this.#replace(`Worker ${worker.process.pid} ended with ${how}`);
    }
  }

  #replace(what: string): void {
    const waitMs = backoffMs(this.#recentCrashes++, BACKOFF);
    setTimeout(() => this.#recentCrashes--, CRASH_MEMORY_MS).unref();
    this.#options.warn(`${what}; another takes its place in ${waitMs} ms.`);
    const timer = setTimeout(() => {
      this.#replacements.delete(timer);
      this.#fork();
    }, waitMs);
    this.#replacements.add(timer);
  }
}

function liveWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
