import type { MetricsSources } from '../../src/observability/source-metrics.ts';
import { SqlFigures } from '../../src/observability/sql-figures.ts';

/** The figures of a server where nothing has happened yet. */
export function quietSources(): MetricsSources {
  return {
    cacheStats: () => ({ layers: [], bytes: 0 }),
    responseBytes: () => 0,
    sqlStatements: () => 0,
    sql: new SqlFigures(),
    changes: () => 0,
    sockets: () => ({ activeConnections: 0, activeSubscriptions: 0, coalescedEvents: 0 }),
    feed: () => ({ state: 'live', gaps: 0, retainedBytes: 0 }),
    audit: () => ({ audited: 0, stale: {} }),
    build: { version: '1.2.3', node: 'v24.0.0', commit: '' },
  };
}
