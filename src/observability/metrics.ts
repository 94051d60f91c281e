import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FiguresExchange } from '../process/figures.ts';

/** What the reads of an operation found in the cache; `none` when it read nothing through the cache. */
export type CacheOutcome = 'hit' | 'miss' | 'partial' | 'none';

/** `unknown` when the document could not be read. */
export type OperationType = 'query' | 'mutation' | 'subscription' | 'unknown';

/** Counts operations and how long they take. */
export interface RequestObserver {
  observeRequest(request: { type: OperationType; outcome: CacheOutcome; durationSeconds: number }): void;
}

/** Counts how long root fields take. */
export interface ResolverObserver {
  /** @param field of our own schema, such as `Query.workstations` */
  observeResolver(field: string, durationSeconds: number): void;
}

/** Where the figures come from. Read at each scrape, never in between. */
export interface MetricsSources {
  /** Counters only rise, until the process ends. */
  cacheStats(): {
    readonly layers: readonly { name: string; hits: number; misses: number; size: number; evictions: number }[];
  };
  /** Statements sent to the database so far. */
  sqlStatements(): number;
  sockets(): { readonly activeConnections: number; readonly activeSubscriptions: number };
  /** `state` is `live` while every change arrives; `gaps` counts the times when one may have been lost. */
  feed(): { readonly state: string; readonly gaps: number };
  /** Values compared with the database, and those of them that were stale, by what came before. */
  audit(): { readonly audited: number; readonly stale: Readonly<Record<string, number>> };
}

/** Counts how long changes take to become visible. */
export interface VisibilityObserver {
  observeVisibility(seconds: number): void;
}

/** A metric with its values, as prom-client gives it out as data. */
export type MetricFamily = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

export interface Metrics extends RequestObserver, ResolverObserver, VisibilityObserver {
  /** Everything in Prometheus's text format, of the type `contentType`: of all workers, if there are several. */
  scrape(): Promise<string>;
  readonly contentType: string;
}

/**
 * Metrics of one server, in a registry of its own. No label takes a value chosen by a client. Nothing has to be closed,
 * because no timer runs between scrapes.
 * @param workers where this server is one of several workers: they answer each other's scrapes
 */
export function createMetrics(sources: MetricsSources, workers?: FiguresExchange): Metrics {
  const registry = new Registry();
  registerCacheMetrics(registry, sources);
  registerDatabaseMetrics(registry, sources);
  registerSocketMetrics(registry, sources);
  registerAuditMetrics(registry, sources);
  const requests = new Histogram({
    name: 'stationmaster_request_duration_seconds',
    help: 'Time to answer a GraphQL operation, or one event of a subscription, by what its reads found in the cache.',
    labelNames: ['operation_type', 'outcome'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  });
  const resolvers = new Histogram({
    name: 'stationmaster_resolver_duration_seconds',
    help: 'Time to resolve a root field, without the fields below it.',
    labelNames: ['field'],
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  });
  const visibility = new Histogram({
    name: 'stationmaster_change_visibility_seconds',
    help: 'Time from the announcement of a committed change until this instance has applied it.',
    buckets: DURATION_BUCKETS_SECONDS,
    registers: [registry],
  });
  const registries = [registry, processRegistry()];
  workers?.offer(async () => (await Promise.all(registries.map((each) => each.getMetricsAsJSON()))).flat());
  const printOwn = async () => (await Promise.all(registries.map((each) => each.metrics()))).join('\n');
  return {
    observeRequest: ({ type, outcome, durationSeconds }) =>
      requests.observe({ operation_type: type, outcome }, durationSeconds),
    observeResolver: (field, durationSeconds) => resolvers.observe({ field }, durationSeconds),
    observeVisibility: (seconds) => visibility.observe(seconds),
    scrape: () => (workers ? workers.collect() : printOwn()),
    contentType: registry.contentType,
  };
}

/** From half a millisecond, as a cached response takes, to the seconds of an overloaded database. */
const DURATION_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function registerCacheMetrics(registry: Registry, { cacheStats }: MetricsSources): void {
  const countByLayer = (figure: 'hits' | 'misses' | 'evictions', help: string) =>
    new Counter({
      name: `stationmaster_cache_${figure}_total`,
      help,
      labelNames: ['layer'],
      registers: [registry],
      collect() {
        this.reset();
        for (const layer of cacheStats().layers) this.inc({ layer: layer.name }, layer[figure]);
      },
    });
  countByLayer('hits', 'Reads answered from the cache.');
  countByLayer('misses', 'Reads the cache had no answer to.');
  countByLayer('evictions', 'Entries dropped to make room.');
  new Gauge({
    name: 'stationmaster_cache_size',
    help: 'Entries in the cache.',
    labelNames: ['layer'],
    registers: [registry],
    collect() {
      this.reset();
      for (const layer of cacheStats().layers) this.set({ layer: layer.name }, layer.size);
    },
  });
}

function registerDatabaseMetrics(registry: Registry, { feed, sqlStatements }: MetricsSources): void {
  registerCounter(registry, 'stationmaster_sql_statements_total', 'Statements sent to the database.', sqlStatements);
  registerCounter(
    registry,
    'stationmaster_feed_gaps_total',
    'Times the change feed may have missed a change.',
    () => feed().gaps,
  );
  registerGauge(registry, 'stationmaster_feed_live', '1 while every change is heard of, 0 otherwise.', () =>
    feed().state === 'live' ? 1 : 0,
  );
}

function registerAuditMetrics(registry: Registry, { audit }: MetricsSources): void {
  registerCounter(
    registry,
    'stationmaster_cache_audited_total',
    'Cached values that were compared with the database.',
    () => audit().audited,
  );
  new Counter({
    name: 'stationmaster_cache_stale_total',
    help: 'Cached values that the database had otherwise, although every change had been heard. Any is a fault.',
    labelNames: ['after'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [after, count] of Object.entries(audit().stale)) this.inc({ after }, count);
    },
  });
}

function registerSocketMetrics(registry: Registry, { sockets }: MetricsSources): void {
  registerGauge(registry, 'stationmaster_websocket_connections', 'Open WebSockets.', () => sockets().activeConnections);
  registerGauge(
    registry,
    'stationmaster_websocket_subscriptions',
    'Running subscriptions.',
    () => sockets().activeSubscriptions,
  );
}

function registerCounter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function registerGauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
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
