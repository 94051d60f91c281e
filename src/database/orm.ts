import type { Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import type { Config } from '../config/config.ts';
import { DatabaseClient, describeTarget, type Target } from './connection/database-client.ts';
import type { NamedMigration } from './migrations/index.ts';

/** How long the database may take, in milliseconds. */
export interface TimeLimits {
  /** For opening a connection, or waiting for a free one. */
  readonly connectMs: number;
  /** For one statement of a read. */
  readonly readMs: number;
  /** For one statement of a write. */
  readonly writeMs: number;
}

/** Readers get an answer or an error within a second. */
const TIME_LIMITS: TimeLimits = { connectMs: 900, readMs: 900, writeMs: 5000 };

/** @param patience how many times as long as usual the database may take */
export function timeLimits(patience = 1): TimeLimits {
  const { connectMs, readMs, writeMs } = TIME_LIMITS;
  return { connectMs: connectMs * patience, readMs: readMs * patience, writeMs: writeMs * patience };
}

/** What every session that reads or writes is told, whatever its role or database sets: statements are written for it. */
export const SESSION_SETTINGS = { default_transaction_isolation: 'read committed', array_nulls: 'on' };

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
  limits = TIME_LIMITS,
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
  const target = describeWrites(database.url, limits);
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
      query_timeout: limits.writeMs + 500,
    },
  } as OrmOptions;
}

/** Where and how writes and migrations connect. */
export function describeWrites(url: string, { connectMs, writeMs } = TIME_LIMITS): Target {
  return describeTarget(url, {
    applicationName: 'stationmaster',
    connectTimeoutMs: connectMs,
    settings: {
      ...SESSION_SETTINGS,
      statement_timeout: String(writeMs),
      idle_in_transaction_session_timeout: String(2 * writeMs),
    },
  });
}
