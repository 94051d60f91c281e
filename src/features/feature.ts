import type { AuditSummary } from '../audit/index.ts';
import type { AgentKeys } from '../auth/agent-keys.ts';
import type { Cache } from '../cache/index.ts';
import type { ChangeFeed, ChangeLog } from '../changes/index.ts';
import type { AnyCollection, Collections, Entity } from '../collections/index.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../database/database.ts';
import type { NamedMigration } from '../database/migrations/index.ts';
import type { Writer } from '../database/write/writer.ts';
import type { SchemaFeature } from '../graphql/schema.ts';
import type { PerformanceHistory } from '../observability/performance-history.ts';

/** What the application gives its features to work with. */
export interface FeatureParts {
  readonly collections: Collections;
  readonly writer: Writer;
  readonly database: Database;
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  /** Names this instance to the others. */
  readonly instanceId: string;
  /** What the feed announced lately. */
  readonly log: ChangeLog;
  /** What an audit of the cache found, and how long changes take to become visible. */
  readonly audit: () => AuditSummary;
  /** How this instance did in the last hour. */
  readonly history: PerformanceHistory;
  /** How many clients are connected by WebSocket. */
  readonly sockets: () => { readonly activeConnections: number; readonly activeSubscriptions: number };
  /** Told of every fault that was gone around. */
  readonly onError: (error: unknown) => void;
}

/** One part of what the product does, in a folder of its own. */
export interface Feature extends SchemaFeature<FeatureParts> {
  readonly collections?: readonly AnyCollection[];
  /** Those of tables that no collection reads. */
  readonly entities?: readonly Entity[];
  /** In the order in which they run. One that has been released is never edited. */
  readonly migrations?: readonly NamedMigration[];
  /** Verifies the keys of agents, which callers may send in the place of a token. At most one feature has it. */
  readonly openAgentKeys?: (parts: Pick<FeatureParts, 'database' | 'feed' | 'onError'>) => AgentKeys;
  /** Runs at each start, once the database is migrated and before anything is served. */
  readonly prepare?: (database: Database, config: Config) => Promise<unknown>;
  /** Starts what goes on in the background, once the server runs. Returns what stops it; the stop is waited for. */
  readonly start?: (parts: FeatureParts, config: Config) => () => unknown;
}
