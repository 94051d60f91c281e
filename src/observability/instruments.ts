import type { AuditFigures, Visibility } from '../audit/index.ts';
import type { Cache } from '../cache/index.ts';
import type { ChangeFeed } from '../changes/index.ts';
import type { Database } from '../database/database.ts';
import type { FiguresExchange } from '../process/figures.ts';
import type { Timers } from '../timers.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { OperationFigures } from './operation-figures.ts';
import { PerformanceHistory } from './performance-history.ts';
import type { MetricsSources } from './source-metrics.ts';
import type { SqlFigures } from './sql-figures.ts';
import { readVersion } from './version.ts';

/** What is watched of one server. */
export interface WatchedParts {
  readonly cache: Pick<Cache, 'getStats'>;
  /** Stored responses; `undefined`: none are stored. */
  readonly responses: { readonly bytes: number } | undefined;
  readonly database: Pick<Database, 'statementCount'>;
  readonly sql: SqlFigures;
  /** Has the cache among its followers. */
  readonly feed: ChangeFeed;
  readonly sockets: MetricsSources['sockets'];
  readonly audit: () => AuditFigures;
  readonly visibility: Visibility;
  /** The commit that was built; `undefined`: not known. */
  readonly commit: string | undefined;
  readonly workers: FiguresExchange | undefined;
  readonly timers: Timers | undefined;
}

export interface Instruments {
  readonly metrics: Metrics;
  readonly history: PerformanceHistory;
}

/** What measures one server: its metrics, and the history of its performance, which has to be started. */
export function createInstruments(parts: WatchedParts): Instruments {
  const { audit, cache, commit = '', database, feed, responses, sockets, sql, timers, visibility, workers } = parts;
  const operations = new OperationFigures();
  let changes = 0;
  const sources: MetricsSources = {
    audit,
    build: { version: readVersion(), node: process.version, commit },
    cacheStats: () => cache.getStats(),
    changes: () => changes,
    feed: () => ({ state: feed.state, gaps: feed.gaps, retainedBytes: feed.retainedBytes }),
    responseBytes: () => responses?.bytes ?? 0,
    sockets,
    sql,
    sqlStatements: () => database.statementCount,
  };
  const metrics = createMetrics(sources, { operations, workers });
  feed.follow({
    onChanges: ({ length }) => {
      changes += length;
    },
    onTruncate: () => {
      changes += 1;
    },
    onApplied: (announcedAtMs) => metrics.observeVisibility(visibility.observe(announcedAtMs) / 1000),
  });
  const history = new PerformanceHistory(
    {
      counters() {
        const { hits, misses, evictions } = cache.getStats();
        const { requests, failed: errors } = operations;
        return { hits, misses, evictions, requests, errors, sqlStatements: database.statementCount, changes };
      },
      state() {
        const { bytes: cacheBytes, size: cacheSize } = cache.getStats();
        const { activeConnections, activeSubscriptions } = sockets();
        const memoryBytes = process.memoryUsage.rss();
        return { cacheSize, cacheBytes, memoryBytes, activeConnections, activeSubscriptions };
      },
      takeLatencies: () => operations.takeLatencies(),
    },
    timers,
  );
  return { metrics, history };
}
