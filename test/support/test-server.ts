import { Client } from 'pg';
import { engine } from '../../src/testing/test-database.ts';
import { createCluster, type PostgresqlCluster } from './postgresql-cluster.ts';

/* The PostgreSQL server that a whole run of tests is on: one that runs already, or one made of the programs of another version. */

let own: PostgresqlCluster | undefined;

/** Starts a server for the run if `POSTGRESQL_BIN` names its programs and `TEST_DATABASE_URL` no server, and says what it is. */
export async function startTestServer(): Promise<void> {
  if (engine !== 'postgresql') return;
  const { POSTGRESQL_BIN: programs, TEST_DATABASE_URL: given } = process.env;
  if (programs && !given) {
    own = await createCluster(programs);
    process.env.TEST_DATABASE_URL = own.url;
  }
  const connectionString = process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test';
  const client = new Client({ connectionString });
  await client.connect();
  const { rows } = await client.query('show server_version');
  await client.end();
  process.stdout.write(`\nThe tests run on PostgreSQL ${rows[0].server_version}.\n`);
}

/** Stops it and removes its files. */
export async function stopTestServer(): Promise<void> {
  await own?.destroy();
  own = undefined;
}
