import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { DurationCounts } from './duration-histogram.ts';

/** What the reads of an operation found in the cache; `none` when it read nothing through the cache. */
export type CacheOutcome = 'hit' | 'miss' | 'partial' | 'none';

/** `unknown` when the document could not be read. */
export type OperationType = 'query' | 'mutation' | 'subscription' | 'unknown';

/** An operation that was answered, or one event of a subscription. */
export interface ObservedOperation {
  readonly type: OperationType;
  readonly outcome: CacheOutcome;
  readonly durationSeconds: number;
  /** As the client calls it; `null`: it has no name. */
  readonly name: string | null;
  /** Whether the client is known, so that its operations may be counted by name. */
  readonly isKnownClient: boolean;
  /** The codes of its errors. */
  readonly errors: readonly string[];
}

/** Counts operations and how long they take. */
export interface RequestObserver {
  observeRequest(operation: ObservedOperation): void;
  /** Of an operation that was refused before it was looked at. */
  observeRefusal(code: string, durationSeconds: number): void;
}

/** Percentiles in milliseconds; `null`: there were no requests. */
export interface Latencies {
  readonly requestP50Ms: number | null;
  readonly requestP99Ms: number | null;
}

/** From half a millisecond, as a cached response takes, to the seconds of an overloaded database. */
export const DURATION_BOUNDS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Fewer, because there is a series of each for every name. */
const BY_NAME_BOUNDS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

/** Bounds the series that clients can make. Later names are counted together. */
export const MAX_NAMES = 100;
const LONGEST_NAME = 64;
/** The series of operations without a name, and of names that are not counted each. */
const SHARED_SERIES = 2;

const TYPES: readonly OperationType[] = ['query', 'mutation', 'subscription', 'unknown'];

/** The operations of one server since its start. Counting one takes a tenth of a microsecond. */
export class OperationFigures implements RequestObserver {
  readonly #byKind = byType(() => ({
    hit: new DurationCounts(DURATION_BOUNDS_SECONDS),
    miss: new DurationCounts(DURATION_BOUNDS_SECONDS),
    partial: new DurationCounts(DURATION_BOUNDS_SECONDS),
    none: new DurationCounts(DURATION_BOUNDS_SECONDS),
  }));
  readonly #nameless = new DurationCounts(BY_NAME_BOUNDS_SECONDS);
  readonly #others = new DurationCounts(BY_NAME_BOUNDS_SECONDS);
  /** An operation that is called like one of the two is counted there: no series may come twice in a scrape. */
  readonly #byName = new Map([
    ['anonymous', this.#nameless],
    ['other', this.#others],
  ]);
  readonly #errors = new Map<string, number>();
  /** In microseconds, since the last `takeLatencies`. */
  readonly #latencies: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST_LATENCY_US, figures: 2 });
  #requests = 0;
  #failed = 0;

  observeRequest({ type, outcome, durationSeconds, name, isKnownClient, errors }: ObservedOperation): void {
    this.#byKind[type][outcome].observe(durationSeconds);
    if (type !== 'unknown') this.#countsOf(name, isKnownClient).observe(durationSeconds);
    for (const code of errors) this.#countError(code);
    // An event of a subscription was not asked for.
    if (type !== 'subscription') this.#countRequest(durationSeconds, errors.length > 0);
  }

  observeRefusal(code: string, durationSeconds: number): void {
    this.#countError(code);
    this.#countRequest(durationSeconds, true);
  }

  /** Operations that were asked for over any transport, so without the events of subscriptions. */
  get requests(): number {
    return this.#requests;
  }

  /** Those of them that were answered with an error. */
  get failed(): number {
    return this.#failed;
  }

  get errors(): ReadonlyMap<string, number> {
    return this.#errors;
  }

  /** The percentiles of the requests since the call before. */
  takeLatencies(): Latencies {
    const latencies = this.#latencies;
    const milliseconds = (percent: number) => (latencies.count === 0 ? null : latencies.percentile(percent) / 1000);
    const taken = { requestP50Ms: milliseconds(50), requestP99Ms: milliseconds(99) };
    latencies.reset();
    return taken;
  }

  *byKind() {
    for (const operation_type of TYPES) {
      for (const [outcome, counts] of Object.entries(this.#byKind[operation_type])) {
        yield { labels: { operation_type, outcome }, counts };
      }
    }
  }

  *byName() {
    for (const [operation_name, counts] of this.#byName) yield { labels: { operation_name }, counts };
  }

  #countsOf(name: string | null, isKnownClient: boolean): DurationCounts {
    if (name === null) return this.#nameless;
    return this.#byName.get(name) ?? this.#countsOfNew(name, isKnownClient);
  }

  /** Clients choose the names. Those without a token cannot use them up. */
  #countsOfNew(name: string, isKnownClient: boolean): DurationCounts {
    if (!isKnownClient || name.length > LONGEST_NAME || this.#byName.size >= MAX_NAMES + SHARED_SERIES)
      return this.#others;
    const counts = new DurationCounts(BY_NAME_BOUNDS_SECONDS);
    this.#byName.set(name, counts);
    return counts;
  }

  #countError(code: string): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  #countRequest(durationSeconds: number, hasFailed: boolean): void {
    this.#requests += 1;
    if (hasFailed) this.#failed += 1;
    this.#latencies.record(Math.min(Math.max(1, Math.round(durationSeconds * 1e6)), LONGEST_LATENCY_US));
  }
}

const LONGEST_LATENCY_US = 60_000_000;

function byType<Figures>(create: () => Figures): Readonly<Record<OperationType, Figures>> {
  return { query: create(), mutation: create(), subscription: create(), unknown: create() };
}
