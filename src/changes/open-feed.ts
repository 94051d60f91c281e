import type { Config } from '../config/config.ts';
import type { Database } from '../database/database.ts';
import { type Lineage, lineageEnded, type Origin } from '../database/lineage.ts';
import { LISTENER_NAME } from '../database/listeners.ts';
import { DatabaseRefusal } from '../database/refusal.ts';
import { ACKNOWLEDGE_TIMEOUT_MS, ChangeFeed } from './change-feed.ts';
import { createEchoChannel, createEchoPath, createEmbeddedEchoPath } from './echo-path.ts';
import { TICKS_TO_BE_HEARD } from './echoes.ts';
import { createLogicalSource } from './logical/logical-source.ts';
import { createPgliteSource } from './pglite-source.ts';
import { createPostgresqlSource, MISSED_HEARTBEATS } from './postgresql-source.ts';

export interface OpenFeedOptions {
  readonly database: Database;
  /** The history of the rows that the feed tells of. The feed keeps it up to date. */
  readonly lineage: Lineage;
  /** Receives why nothing cached is served as fresh, when an operator can change it. */
  readonly onRefusal: (message: string) => void;
  /** Receives everything else that `ChangeFeed` reports. */
  readonly onError: (error: unknown) => void;
  /** How many times as long as usual an answer, an echo or an announcement may take until the feed counts as lost. Default 1. */
  readonly patience?: number | undefined;
}

const BEHIND =
  'The log of the database is not decoded in time: PostgreSQL is busy, decodes a very large transaction, or something between ' +
  'holds the replication connection back.';

/** The change feed of a database, which listens once it is started. */
export function openChangeFeed(config: Config['database'], options: OpenFeedOptions): ChangeFeed {
  const { database, lineage, onRefusal, patience = 1 } = options;
  const onError = (error: unknown) =>
    error instanceof DatabaseRefusal ? onRefusal(error.message) : options.onError(error);
  const channel = createEchoChannel();
  const isForeign = (origin: Origin) => lineage.isForeign(origin);
  const schema = () => lineage.schema;
  const shared = { isForeign, schema, onError, acknowledgeTimeoutMs: ACKNOWLEDGE_TIMEOUT_MS * patience };
  const { pglite, servers } = database;
  if (pglite) {
    const run = (text: string, values: unknown[]) => pglite.query(text, values);
    const echo = createEmbeddedEchoPath({ channel, tables: lineage.tables, run });
    return new ChangeFeed({ source: createPgliteSource(pglite, [channel], lineage), echo, ...shared });
  }
  const connecting = {
    connectionString: (config as { url: string }).url,
    applicationName: LISTENER_NAME,
    channels: [channel],
    check: lineage,
    onServer: servers.adopt,
    makeRoom: () => database.makeRoom(),
    missedHeartbeats: MISSED_HEARTBEATS * patience,
  };
  const source =
    database.changeFeed === 'logical'
      ? createLogicalSource({ ...connecting, tables: lineage.tables })
      : createPostgresqlSource(connecting);
  const path = createEchoPath(database, { channel, tables: lineage.tables, run: source.run });
  const echo = { ...path, ticksToBeHeard: TICKS_TO_BE_HEARD * patience };
  const unheard = database.changeFeed === 'logical' ? BEHIND : undefined;
  const feed = new ChangeFeed({ source, echo, ...shared, ...(unheard && { unheard }) });
  servers.onChange(() => feed.lose(lineageEnded()));
  return feed;
}
