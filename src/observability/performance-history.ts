import { systemTimers, type Timers } from '../timers.ts';
import type { Latencies } from './operation-figures.ts';

/** What only rises while the process runs. */
export interface PerformanceCounters {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Operations that were asked for, and those of them that were answered with an error. */
  readonly requests: number;
  readonly errors: number;
  readonly sqlStatements: number;
  /** Rows whose changes were heard. */
  readonly changes: number;
}

/** What holds at one moment. */
export interface PerformanceState {
  readonly cacheSize: number;
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  readonly activeConnections: number;
  readonly activeSubscriptions: number;
}

export interface PerformanceSources {
  counters(): PerformanceCounters;
  state(): PerformanceState;
  /** Of the requests since the call before. */
  takeLatencies(): Latencies;
}

/** The counters are per second, over the time since the sample before. */
export interface PerformanceSample extends PerformanceCounters, PerformanceState, Latencies {
  readonly timestamp: Date;
}

const PERIOD_MS = 5000;
export const MAX_MINUTES = 60;
const MAX_SAMPLES = (MAX_MINUTES * 60_000) / PERIOD_MS;

/** How one server did in the last hour: a sample every five seconds, at most 720 of about 200 bytes each. */
export class PerformanceHistory {
  readonly #sources: PerformanceSources;
  readonly #timers: Timers;
  readonly #samples: PerformanceSample[] = [];
  #before: PerformanceCounters;
  #beforeAtMs: number;

  constructor(sources: PerformanceSources, timers: Timers = systemTimers) {
    this.#sources = sources;
    this.#timers = timers;
    this.#before = sources.counters();
    this.#beforeAtMs = timers.now();
  }

  /** Takes samples from now on. Returns what stops it. */
  start(): () => void {
    const { counters, takeLatencies } = this.#sources;
    this.#before = counters();
    this.#beforeAtMs = this.#timers.now();
    takeLatencies();
    let cancel = () => {};
    const next = () => {
      cancel = this.#timers.after(PERIOD_MS, () => {
        this.#sample();
        next();
      });
    };
    next();
    return () => cancel();
  }

  /** The samples of the last so many minutes, the oldest first. */
  since(minutes: number): readonly PerformanceSample[] {
    const sinceMs = this.#timers.now() - minutes * 60_000;
    return this.#samples.filter(({ timestamp }) => timestamp.getTime() > sinceMs);
  }

  /** The newest sample; `null` before the first. */
  get latest(): PerformanceSample | null {
    return this.#samples.at(-1) ?? null;
  }

  #sample(): void {
    const { counters, state, takeLatencies } = this.#sources;
    const nowMs = this.#timers.now();
    const now = counters();
    const before = this.#before;
    const elapsedMs = nowMs - this.#beforeAtMs;
    // The clock may have been set back.
    const seconds = (elapsedMs > 0 ? elapsedMs : PERIOD_MS) / 1000;
    const rate = (name: keyof PerformanceCounters) => Math.round((1000 * (now[name] - before[name])) / seconds) / 1000;
    this.#samples.push({
      timestamp: new Date(nowMs),
      hits: rate('hits'),
      misses: rate('misses'),
      evictions: rate('evictions'),
      requests: rate('requests'),
      errors: rate('errors'),
      sqlStatements: rate('sqlStatements'),
      changes: rate('changes'),
      ...takeLatencies(),
      ...state(),
    });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#before = now;
    this.#beforeAtMs = nowMs;
  }
}
