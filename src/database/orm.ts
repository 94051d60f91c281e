import type { Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { Config } from '../config/config.ts';
import { DatabaseClient, describeTarget, type Target } from './connection/database-client.ts';
import type { NamedMigration } from './migrations/index.ts';

/** Time allowed for opening a connection, or for waiting for a free one. */
export const CONNECT_TIMEOUT_MS = 900;
/** Time allowed for one statement of a write. Reads have a shorter one, see `database.ts`. */
export const STATEMENT_TIMEOUT_MS = 5000;

/** What every session that reads or writes is told. Statements are written for this isolation. */
export const SESSION_SETTINGS = { default_transaction_isolation: 'read committed' };

export const MIGRATIONS_TABLE = 'stationmaster_migrations';

type OrmOptions = Partial<Options>;

/** What the features store: their entities, and the migrations that make and change their tables. */
export interface Schema {
  readonly entities: NonNullable<OrmOptions['entities']>;
  /** In the order in which they run. */
  readonly migrations: readonly NamedMigration[];
}

/** MikroORM's options for the configured database, the same for the application and the MikroORM CLI. */
export async function createOrmOptions(
  database: Config['database'],
  { entities, migrations }: Schema,
  onServer?: Target['onServer'],
): Promise<OrmOptions> {
  const shared: OrmOptions = {
    entities,
    extensions: [Migrator],
    migrations: {
      migrationsList: [...migrations],
      tableName: MIGRATIONS_TABLE,
      snapshot: false,
      silent: true,
    },
    // The migrations own the schema: its triggers and collations are beyond what entities say.
    schemaGenerator: { skipTables: [/./] },
    // Connecting would look for the database and make it where it is missing, such as where its name was misspelt.
    ensureDatabase: false,
    forceUtcTimezone: true,
    discovery: { warnWhenNoEntities: false },
  };
  if (database.kind === 'pglite') {
    // Loads the engine, which a start on PostgreSQL does not need.
    const { PgliteDriver } = await import('@mikro-orm/pglite');
    return {
      ...shared,
      driver: PgliteDriver,
      dbName: 'postgres',
      driverOptions: { dataDir: database.dataDir },
    } as OrmOptions;
  }
  const target = describeWrites(database.url);
  return {
    ...shared,
    driver: PostgreSqlDriver,
    // MikroORM's own reading of a URL is never used: it leaves out what follows the question mark.
    dbName: target.address.database,
    // One stays open: where connections are limited, those of readers might take its place.
    pool: { min: 1, max: database.poolSize },
    driverOptions: {
      Client: DatabaseClient,
      target: { ...target, onServer },
      connectionTimeoutMillis: target.connectTimeoutMs,
      // For a database that does not even answer that the time is over.
      query_timeout: STATEMENT_TIMEOUT_MS + 500,
    },
  } as OrmOptions;
}

/** Where and how writes and migrations connect. */
export function describeWrites(url: string): Target {
  return describeTarget(url, {
    applicationName: 'stationmaster',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    settings: {
      ...SESSION_SETTINGS,
      statement_timeout: String(STATEMENT_TIMEOUT_MS),
      idle_in_transaction_session_timeout: String(2 * STATEMENT_TIMEOUT_MS),
    },
  });
}
