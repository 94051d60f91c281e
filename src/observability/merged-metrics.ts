import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import type { MetricFamily } from './duration-histogram.ts';

/**
 * The metrics of several workers as one scrape. What only rises (counters, histograms) is added up, and never falls: a
 * worker that ended, or does not answer, counts with what it last reported. What goes up and down (gauges) is listed for
 * each worker that answered, with the label `worker`.
 */
export class MergedMetrics {
  readonly #workers: number;
  readonly #latest = new Map<number, readonly MetricFamily[]>();
  /** The totals of the workers that ended. */
  #ended: Promise<readonly MetricFamily[]> = Promise.resolve([]);

  /** @param workers how many there should be */
  constructor(workers: number) {
    this.#workers = workers;
  }

  /** @param figures what `Metrics.families` returned in that worker */
  record(worker: number, figures: unknown): void {
    this.#latest.set(worker, figures as readonly MetricFamily[]);
  }

  end(worker: number): void {
    const totals = (this.#latest.get(worker) ?? []).filter(isTotal);
    this.#latest.delete(worker);
    this.#ended = this.#ended.then((ended) => aggregate([ended, totals]).getMetricsAsJSON());
  }

  async print(answered: ReadonlySet<number>): Promise<string> {
    // Taken before the wait, during which others may report or end.
    const reported = [...this.#latest];
    const ended = await this.#ended;
    const all = reported.map(([worker, families]) =>
      families.filter((family) => isTotal(family) || answered.has(worker)).map((family) => labelled(family, worker)),
    );
    // The ended ones last: they name no gauges, which would move the gauges' place in the text.
    const merged = await aggregate([...all, ended]).metrics();
    return `${merged}\n${await this.#printMissing(answered.size)}`;
  }

  #printMissing(answered: number): Promise<string> {
    const registry = new Registry();
    new Gauge({
      name: 'stationmaster_workers_missing',
      help: 'Workers that did not answer this scrape: they are starting, or hang. Their gauges are left out.',
      registers: [registry],
    }).set(this.#workers - answered);
    return registry.metrics();
  }
}

function isTotal({ type }: MetricFamily): boolean {
  return String(type) !== 'gauge';
}

/** Each worker has its own series of a gauge, so that no way of aggregating it (or of leaving it out) applies. */
function labelled(family: MetricFamily, worker: number): MetricFamily {
  if (isTotal(family)) return family;
  const values = family.values.map((value) => ({ ...value, labels: { ...value.labels, worker } }));
  return { ...family, aggregator: 'first', values };
}

function aggregate(families: readonly (readonly MetricFamily[])[]): Registry {
  return AggregatorRegistry.aggregate([...families]);
}
