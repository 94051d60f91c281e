import type { ClientBase } from 'pg';
import { EXIT_CODE, StartError } from '../process/start-error.ts';
import { type Database, poolOf } from './database.ts';
import { requireFollowedTables } from './followed-tables.ts';

/** Any number will do, as long as every instance uses the same. */
const MIGRATION_LOCK = 7_239_461;
const OLDEST_POSTGRESQL = 14;

/**
 * Brings the schema up to date. Instances that start together take turns, under an advisory lock.
 * @throws {StartError} when PostgreSQL is too old, a newer build migrated the database, or an entity's table is not followed
 */
export async function migrate(database: Database): Promise<void> {
  // The embedded database has one process and one connection: there is no other instance to take turns with.
  if (database.pglite) await runMigrations(database);
  else await takeTurns(database);
  await requireFollowedTables(database);
}

async function takeTurns(database: Database): Promise<void> {
  const pool = await poolOf(database.orm);
  const client = await pool.connect();
  try {
    await requireRecentPostgresql(client);
    await client.query('set statement_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runMigrations(database);
  } finally {
    // Closed rather than returned, which lets go of the lock whatever happened before.
    client.release(true);
  }
}

async function requireRecentPostgresql(client: ClientBase): Promise<void> {
  const { rows } = await client.query(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version`,
  );
  const [{ number, version }] = rows;
  if (number >= OLDEST_POSTGRESQL * 10_000) return;
  const message = `PostgreSQL ${version} is too old: Stationmaster needs ${OLDEST_POSTGRESQL} or newer.`;
  throw new StartError(EXIT_CODE.databaseTooOld, message);
}

async function runMigrations({ orm }: Database): Promise<void> {
  const listed = orm.config.get('migrations').migrationsList as readonly { readonly name: string }[];
  const known = new Set(listed.map(({ name }) => name));
  const unknown = (await orm.migrator.getExecuted()).map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const message = `The database was migrated by a newer build (${unknown.join(', ')}). Start that build or a later one.`;
    throw new StartError(EXIT_CODE.schemaTooNew, message);
  }
  await orm.migrator.up();
}
