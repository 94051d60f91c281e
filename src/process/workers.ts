import cluster, { type Worker } from 'node:cluster';
import type { Config } from '../config/config.ts';
import { backoffMs } from '../retry.ts';
import type { Introduction, Running, StopSignal } from './running.ts';
import { EXIT_CODE, StartError } from './start-error.ts';

/*
 * Several processes that share one port (node:cluster). Each is a whole server with a cache of its own; to each other they
 * are what instances on different machines are, and meet in PostgreSQL.
 */

/** What a worker says to the primary. */
export type WorkerReport =
  | { readonly kind: 'ready'; readonly introduction: Introduction }
  | { readonly kind: 'failed'; readonly message: string; readonly exitCode: number };

export interface WorkersOptions extends Pick<Config, 'workers' | 'shutdownGraceSeconds'> {
  /** Told in words of workers that ended by themselves. */
  readonly warn: (text: string) => void;
}

const BACKOFF = { minMs: 100, maxMs: 10_000 };
/** For how long a crash makes the replacement of the next one wait. */
const CRASH_MEMORY_MS = 60_000;
/** Beyond the grace, within which workers end by themselves. */
const KILL_AFTER_MS = 2000;

/**
 * Runs as many workers as configured, and another in the place of each that ends by itself. The first is waited for: it
 * migrates the database, and what keeps it from starting would keep the others.
 */
export function runWorkers({ workers: count, shutdownGraceSeconds, warn }: WorkersOptions): Running {
  const ready = Promise.withResolvers<Introduction | null>();
  const allEnded = Promise.withResolvers<void>();
  const readyWorkers = new Set<Worker>();
  const replacing = new Set<NodeJS.Timeout>();
  let introduction: Introduction | null = null;
  let crashes = 0;
  let isStopping = false;

  cluster.on('message', (worker, report: WorkerReport) => {
    if (report.kind === 'failed') {
      if (introduction) warn(report.message);
      else ready.reject(new StartError(report.exitCode, report.message));
      return;
    }
    if (introduction === null) {
      introduction = report.introduction;
      for (let number = 1; number < count && !isStopping; number++) cluster.fork();
    }
    readyWorkers.add(worker);
    if (readyWorkers.size === count) ready.resolve(introduction);
  });

  cluster.on('exit', (worker, code, signal) => {
    readyWorkers.delete(worker);
    const how = signal ?? `exit code ${code}`;
    if (isStopping) {
      if (liveWorkers().length === 0) allEnded.resolve();
    } else if (introduction === null) {
      ready.reject(new StartError(EXIT_CODE.unexpected, `The first worker ended with ${how} before it was ready.`));
    } else {
      replace(`Worker ${worker.process.pid} ended with ${how}`);
    }
  });

  function replace(what: string): void {
    const waitMs = backoffMs(crashes++, BACKOFF);
    setTimeout(() => crashes--, CRASH_MEMORY_MS).unref();
    warn(`${what}; another takes its place in ${waitMs} ms.`);
    const timer = setTimeout(() => {
      replacing.delete(timer);
      cluster.fork();
    }, waitMs);
    replacing.add(timer);
  }

  async function stop(signal: StopSignal): Promise<void> {
    isStopping = true;
    for (const timer of replacing) clearTimeout(timer);
    ready.resolve(null);
    for (const { process } of liveWorkers()) process.kill(signal);
    if (liveWorkers().length === 0) return;
    const killing = setTimeout(
      () => {
        for (const { process } of liveWorkers()) process.kill('SIGKILL');
      },
      shutdownGraceSeconds * 1000 + KILL_AFTER_MS,
    );
    await allEnded.promise;
    clearTimeout(killing);
  }

  cluster.fork();
  return { ready: ready.promise, stop };
}

function liveWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
