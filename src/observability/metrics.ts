import { collectDefaultMetrics, Registry } from 'prom-client';
import type { FiguresExchange } from '../process/figures.ts';
import { DurationCounts, registerDurations } from './duration-histogram.ts';
import { DURATION_BOUNDS_SECONDS, OperationFigures, type RequestObserver } from './operation-figures.ts';
import { type MetricsSources, registerCounter, registerSources } from './source-metrics.ts';

/** Counts how long root fields take. */
export interface ResolverObserver {
  /** @param field of our own schema, such as `Query.workstations` */
  observeResolver(field: string, durationSeconds: number): void;
}

/** Counts how long changes take to become visible. */
export interface VisibilityObserver {
  observeVisibility(seconds: number): void;
}

/** Counts how long events wait before their subscribers are sent them. */
export interface SubscriptionObserver {
  observeSubscriptionLag(seconds: number): void;
}

export interface Metrics extends RequestObserver, ResolverObserver, VisibilityObserver, SubscriptionObserver {
  /** Everything in Prometheus's text format, of the type `contentType`: of all workers, if there are several. */
  scrape(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Counts the operations. Default: figures of its own. */
  readonly operations?: OperationFigures;
  /** Where this server is one of several workers: they answer each other's scrapes. */
  readonly workers?: FiguresExchange | undefined;
}

/**
 * Metrics of one server, in a registry of its own. Only names of operations are labels that clients choose, and their number
 * is bounded. Nothing has to be closed, because no timer runs between scrapes.
 */
export function createMetrics(
  sources: MetricsSources,
  { operations = new OperationFigures(), workers }: MetricsOptions = {},
): Metrics {
  const registry = new Registry();
  registerSources(registry, sources);
  registerOperations(registry, operations);
  const fields = new Map<string, DurationCounts>();
  registerDurations(registry, {
    name: 'stationmaster_resolver_duration_seconds',
    help: 'Time to resolve a root field, without the fields below it.',
    *series() {
      for (const [field, counts] of fields) yield { labels: { field }, counts };
    },
  });
  const visibility = registerOne(registry, {
    name: 'stationmaster_change_visibility_seconds',
    help: 'Time from the announcement of a committed change until this instance has applied it.',
  });
  const lag = registerOne(registry, {
    name: 'stationmaster_subscription_lag_seconds',
    help: 'Time from the moment this instance has applied a change until its event is handed to the connections.',
  });
  const registries = [registry, processRegistry()];
  workers?.offer(async () => (await Promise.all(registries.map((each) => each.getMetricsAsJSON()))).flat());
  const printOwn = async () => (await Promise.all(registries.map((each) => each.metrics()))).join('\n');
  return {
    observeRequest: (operation) => operations.observeRequest(operation),
    observeRefusal: (code, durationSeconds) => operations.observeRefusal(code, durationSeconds),
    observeResolver(field, durationSeconds) {
      let counts = fields.get(field);
      if (!counts) {
        counts = new DurationCounts(DURATION_BOUNDS_SECONDS);
        fields.set(field, counts);
      }
      counts.observe(durationSeconds);
    },
    observeVisibility: (seconds) => visibility.observe(seconds),
    observeSubscriptionLag: (seconds) => lag.observe(seconds),
    scrape: () => (workers ? workers.collect() : printOwn()),
    contentType: registry.contentType,
  };
}

function registerOperations(registry: Registry, operations: OperationFigures): void {
  registerDurations(registry, {
    name: 'stationmaster_request_duration_seconds',
    help: 'Time to answer a GraphQL operation, or one event of a subscription, by what its reads found in the cache.',
    series: () => operations.byKind(),
  });
  registerDurations(registry, {
    name: 'stationmaster_operation_duration_seconds',
    help: 'The same by the name of the operation: of the first 100 names that clients with a token use; others together.',
    series: () => operations.byName(),
  });
  registerCounter(
    registry,
    'stationmaster_errors_total',
    'Errors in responses, by code. Requests that were refused before they were looked at have one each.',
    () => [...operations.errors].map(([code, count]) => [{ code }, count] as const),
    ['code'],
  );
}

function registerOne(registry: Registry, { name, help }: { readonly name: string; readonly help: string }) {
  const counts = new DurationCounts(DURATION_BOUNDS_SECONDS);
  registerDurations(registry, { name, help, series: () => [{ labels: {}, counts }] });
  return counts;
}

let processMetrics: Registry | undefined;

/** CPU, memory and event loop belong to the process, so all servers in it share one registry. */
function processRegistry(): Registry {
  if (processMetrics === undefined) {
    processMetrics = new Registry();
    collectDefaultMetrics({ register: processMetrics });
  }
  return processMetrics;
}
