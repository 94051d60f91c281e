import { type Database, poolOf } from './database.ts';

/** Any number will do, as long as every instance uses the same. */
const MIGRATION_LOCK = 7_239_461;

/** Brings the schema up to date. Instances that start together take turns, under an advisory lock. */
export async function migrate(database: Database): Promise<void> {
  // The embedded database has one process and one connection: nobody to take turns with.
  if (database.pglite) return void (await database.orm.migrator.up());
  const pool = await poolOf(database.orm);
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await database.orm.migrator.up();
  } finally {
    // Closed rather than returned, which lets go of the lock whatever happened before.
    client.release(true);
  }
}
