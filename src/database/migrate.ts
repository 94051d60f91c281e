import type { ClientBase } from 'pg';
import { EXIT_CODE, StartError } from '../process/start-error.ts';
import { type Database, poolOf } from './database.ts';
import { requireFollowedTables } from './followed-tables.ts';
import { MIGRATIONS_TABLE } from './orm.ts';
import { requireOwnSession } from './own-session.ts';

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
  // Outside the pools, which may have no more than one connection each.
  const client = await database.openSession();
  try {
    await requireRecentPostgresql(client);
    await requireOwnSession(client, await poolOf(database.orm));
    await client.query('set statement_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runMigrations(database, await requireSchema(client));
    await requireRights(database, client);
  } finally {
    // Which lets go of the lock, whatever happened before.
    client.destroy();
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

/**
 * Returns the schema in which tables are made.
 * @throws {StartError} when there is none, or none in which the role may make them
 */
async function requireSchema(client: ClientBase): Promise<string> {
  const { rows } = await client.query(`
    select current_schema() as schema, current_user as role, current_database() as database,
      current_setting('search_path') as path, current_setting('server_encoding') as encoding,
      to_regclass('${MIGRATIONS_TABLE}') is not null as is_migrated,
      coalesce(has_table_privilege(to_regclass('${MIGRATIONS_TABLE}'), 'select'), false) as may_see_migrations,
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create`);
  const [{ schema, role, database, path, encoding, ...state }] = rows;
  if (encoding !== 'UTF8') {
    const message = `The database "${database}" has the encoding ${encoding}: Stationmaster needs UTF8.`;
    throw new StartError(EXIT_CODE.unusableData, message);
  }
  if (schema === null) {
    const message = `No schema of the search path (${path}) is there, or may be used by the role "${role}". Create one, or grant usage.`;
    throw new StartError(EXIT_CODE.noSuchDatabase, message);
  }
  if (!state.is_migrated && !state.may_create) {
    throw rightMissing(role, `to create tables in the schema "${schema}"`, `create on schema "${schema}"`);
  }
  if (state.is_migrated && !state.may_see_migrations) {
    throw rightMissing(role, `to select from the table ${MIGRATIONS_TABLE}`, `select on ${MIGRATIONS_TABLE}`);
  }
  return schema;
}

/** @throws {StartError} when the role may not read or write a table. A table that is missing is reported elsewhere. */
async function requireRights({ orm }: Database, client: ClientBase): Promise<void> {
  const tables = [...orm.getMetadata().getAll().values()].map(({ tableName }) => tableName);
  const { rows } = await client.query(
    `select string_agg(distinct privilege, ', ') as privileges, string_agg(distinct table_name, ', ') as tables,
        current_user as role
      from unnest($1::text[]) table_name, unnest(array['select', 'insert', 'update', 'delete']) privilege
      where not has_table_privilege(to_regclass(table_name), privilege)`,
    [tables],
  );
  const [{ role, privileges, tables: lacking }] = rows;
  if (privileges === null) return;
  throw rightMissing(role, `to ${privileges} on ${lacking}`, `${privileges} on ${lacking}`);
}

function rightMissing(role: string, what: string, grant: string): StartError {
  const message = `The role "${role}" lacks the right ${what}. Run as the owner: grant ${grant} to "${role}";`;
  return new StartError(EXIT_CODE.rightMissing, message);
}

async function runMigrations({ orm }: Database, schema = 'public'): Promise<void> {
  // MikroORM looks for its table in `public`, whatever the search path says.
  const options = orm.config.get('migrations');
  if (schema !== 'public') orm.config.set('migrations', { ...options, tableName: `${schema}.${MIGRATIONS_TABLE}` });
  const listed = options.migrationsList as readonly { readonly name: string }[];
  const known = new Set(listed.map(({ name }) => name));
  const unknown = (await orm.migrator.getExecuted()).map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const message = `The database was migrated by a newer build (${unknown.join(', ')}). Start that build or a later one.`;
    throw new StartError(EXIT_CODE.schemaTooNew, message);
  }
  await orm.migrator.up();
}
