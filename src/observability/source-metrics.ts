import { Counter, Gauge, type Registry } from 'prom-client';
import { type DurationCounts, registerDurations } from './duration-histogram.ts';

export interface SqlDurations {
  /** How long statements took, by what they do. */
  readonly statements: Readonly<Record<string, DurationCounts>>;
  /** How long they waited for a connection, by pool. */
  readonly waits: Readonly<Record<string, DurationCounts>>;
}

/** Where the figures come from. Read at each scrape, never in between. */
export interface MetricsSources {
  /** Counters only rise, until the process ends. */
  cacheStats(): {
    readonly layers: readonly { name: string; hits: number; misses: number; size: number; evictions: number }[];
    readonly bytes: number;
  };
  /** The memory of cached responses; 0 where none are cached. */
  responseBytes(): number;
  /** Statements sent to the database so far. */
  sqlStatements(): number;
  readonly sql: SqlDurations;
  /** Rows whose changes were heard so far. */
  changes(): number;
  /** `coalescedEvents` counts what was never sent, because something newer took its place. */
  sockets(): {
    readonly activeConnections: number;
    readonly activeSubscriptions: number;
    readonly coalescedEvents: number;
  };
  /** `state` is `live` while every change arrives; `gaps` counts the times when one may have been lost. */
  /** `retainedBytes`: how much of its log PostgreSQL keeps for this instance. */
  feed(): { readonly state: string; readonly gaps: number; readonly retainedBytes: number };
  /** Values compared with the database, and those of them that were stale, by what came before. */
  audit(): { readonly audited: number; readonly stale: Readonly<Record<string, number>> };
  /** What runs; `commit` is empty when it is not known. */
  readonly build: { readonly version: string; readonly node: string; readonly commit: string };
}

export function registerSources(registry: Registry, sources: MetricsSources): void {
  registerGauge(
    registry,
    'stationmaster_build_info',
    'What runs. Always 1.',
    () => [[sources.build, 1]],
    Object.keys(sources.build),
  );
  registerCacheMetrics(registry, sources);
  registerDatabaseMetrics(registry, sources);
  registerSocketMetrics(registry, sources);
  registerAuditMetrics(registry, sources);
}

function registerCacheMetrics(registry: Registry, { cacheStats, responseBytes }: MetricsSources): void {
  const byLayer = (figure: 'hits' | 'misses' | 'evictions' | 'size') => () =>
    cacheStats().layers.map((layer) => [{ layer: layer.name }, layer[figure]] as const);
  registerCounter(registry, 'stationmaster_cache_hits_total', 'Reads answered from the cache.', byLayer('hits'), [
    'layer',
  ]);
  registerCounter(
    registry,
    'stationmaster_cache_misses_total',
    'Reads the cache had no answer to.',
    byLayer('misses'),
    ['layer'],
  );
  registerCounter(
    registry,
    'stationmaster_cache_evictions_total',
    'Entries dropped to make room.',
    byLayer('evictions'),
    ['layer'],
  );
  registerGauge(registry, 'stationmaster_cache_size', 'Entries in the cache.', byLayer('size'), ['layer']);
  registerGauge(
    registry,
    'stationmaster_cache_bytes',
    'Memory of the entries, approximately.',
    () => cacheStats().bytes,
  );
  registerGauge(
    registry,
    'stationmaster_response_cache_bytes',
    'Memory of cached responses, approximately.',
    responseBytes,
  );
}

function registerDatabaseMetrics(registry: Registry, { changes, feed, sql, sqlStatements }: MetricsSources): void {
  registerCounter(registry, 'stationmaster_sql_statements_total', 'Statements sent to the database.', sqlStatements);
  registerDurations(registry, {
    name: 'stationmaster_sql_duration_seconds',
    help: 'Time until the database answered a statement, or several sent as one, with the wait for a connection.',
    series: () => Object.entries(sql.statements).map(([kind, counts]) => ({ labels: { kind }, counts })),
  });
  registerDurations(registry, {
    name: 'stationmaster_sql_wait_seconds',
    help: 'The wait for a connection of the pool.',
    series: () => Object.entries(sql.waits).map(([pool, counts]) => ({ labels: { pool }, counts })),
  });
  registerCounter(registry, 'stationmaster_changes_total', 'Rows whose changes were heard.', changes);
  const gaps = () => feed().gaps;
  registerCounter(registry, 'stationmaster_feed_gaps_total', 'Times the change feed may have missed a change.', gaps);
  const isLive = () => (feed().state === 'live' ? 1 : 0);
  registerGauge(registry, 'stationmaster_feed_live', '1 while every change is heard of, 0 otherwise.', isLive);
  registerGauge(
    registry,
    'stationmaster_feed_retained_bytes',
    'Write-ahead log that PostgreSQL keeps for the slot of this instance; 0 with CHANGE_FEED=notify.',
    () => feed().retainedBytes,
  );
}

function registerSocketMetrics(registry: Registry, { sockets }: MetricsSources): void {
  registerGauge(registry, 'stationmaster_websocket_connections', 'Open WebSockets.', () => sockets().activeConnections);
  registerGauge(
    registry,
    'stationmaster_websocket_subscriptions',
    'Running subscriptions.',
    () => sockets().activeSubscriptions,
  );
  registerCounter(
    registry,
    'stationmaster_subscription_events_coalesced_total',
    'Events that were not sent because a newer one took their place while their client was behind.',
    () => sockets().coalescedEvents,
  );
}

function registerAuditMetrics(registry: Registry, { audit }: MetricsSources): void {
  const help = 'Cached values that were compared with the database.';
  registerCounter(registry, 'stationmaster_cache_audited_total', help, () => audit().audited);
  registerCounter(
    registry,
    'stationmaster_cache_stale_total',
    'Cached values that the database had otherwise, although every change had been heard. Any is a fault.',
    () => Object.entries(audit().stale).map(([after, count]) => [{ after }, count] as const),
    ['after'],
  );
}

/** One value, or several that differ by their labels. */
type Read = () => number | readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** A counter whose values are read at each scrape. */
export function registerCounter(
  registry: Registry,
  name: string,
  help: string,
  read: Read,
  labelNames: string[] = [],
): void {
  const counter: Counter = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => fill(counter, read),
  });
}

function registerGauge(registry: Registry, name: string, help: string, read: Read, labelNames: string[] = []): void {
  const gauge: Gauge = new Gauge({ name, help, labelNames, registers: [registry], collect: () => fill(gauge, read) });
}

function fill(metric: Counter | Gauge, read: Read): void {
  metric.reset();
  for (const [labels, value] of valuesOf(read)) metric.inc(labels, value);
}

function valuesOf(read: Read) {
  const values = read();
  return typeof values === 'number' ? ([[{}, values]] as const) : values;
}
