import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';
import { openDatabase } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrate.ts';
import { entities, migrations } from '../../src/features/index.ts';

/*
 * Every test file has a database of its own, copied from a template that is migrated once a run: on the embedded engine a
 * dump of the data directory, on PostgreSQL a template database.
 */

export type Engine = 'pglite' | 'postgresql';

export const engine: Engine = process.env.TEST_ENGINE === 'postgresql' ? 'postgresql' : 'pglite';

const SERVER_URL = process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test';
const TEMPLATE = 'STATIONMASTER_TEST_TEMPLATE';

/** The buffers are wiped whenever a database is opened, which took longer than all the rest of that at their usual size. */
const SMALL = { postgresqlconf: ['shared_buffers = 4MB'], initDbStartParams: ['--wal-segsize=1'] };

/** Makes the template and tells the workers of the run where it is. */
export async function createTemplate(): Promise<void> {
  const name = `stationmaster_test_${randomBytes(6).toString('hex')}`;
  if (engine === 'postgresql') {
    await onServer(`create database ${name}`);
    const database = await openDatabase(
      { kind: 'postgresql', url: urlOf(name), poolSize: 2 },
      { entities, migrations },
    );
    await migrate(database);
    await database.close();
    process.env[TEMPLATE] = name;
  } else {
    const pglite = await PGlite.create(SMALL);
    const database = await openDatabase({ kind: 'pglite', dataDir: '' }, { entities, migrations, pglite });
    await migrate(database);
    // Nobody makes databases from them, and every copy would carry them: two thirds of all files.
    for (const unused of ['template0', 'template1']) {
      await pglite.exec(`alter database ${unused} is_template false`);
      await pglite.exec(`drop database ${unused}`);
    }
    const dump = await pglite.dumpDataDir('none');
    await database.close();
    await pglite.close();
    const path = join(tmpdir(), `${name}.tar`);
    await writeFile(path, new Uint8Array(await dump.arrayBuffer()));
    process.env[TEMPLATE] = path;
  }
}

export async function dropTemplate(): Promise<void> {
  const { rm } = await import('node:fs/promises');
  if (engine === 'postgresql') await onServer(`drop database ${process.env[TEMPLATE]} with (force)`);
  else await rm(process.env[TEMPLATE]!, { force: true });
}

/** A migrated, empty database; whoever asks for it disposes of it. Not migrated where the run has no template of it. */
export async function createEmbeddedDatabase(): Promise<{ pglite: PGlite; dispose(): Promise<void> }> {
  const template = engine === 'pglite' ? process.env[TEMPLATE] : undefined;
  const pglite = await PGlite.create(template ? { loadDataDir: new Blob([await readFile(template)]) } : SMALL);
  return { pglite, dispose: () => pglite.close() };
}

/** Puts a migrated, empty database into a folder, for a server process to open. */
export async function createEmbeddedFolder(dataDir: string): Promise<void> {
  const dump = new Blob([await readFile(process.env[TEMPLATE]!)]);
  const pglite = await PGlite.create({ dataDir, loadDataDir: dump });
  await pglite.close();
}

/** A migrated, empty database; whoever asks for it disposes of it. */
export async function createServerDatabase(): Promise<{ url: string; dispose(): Promise<void> }> {
  const name = `stationmaster_test_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${name} template ${process.env[TEMPLATE]}`);
  return { url: urlOf(name), dispose: () => onServer(`drop database ${name} with (force)`) };
}

function urlOf(database: string): string {
  const url = new URL(SERVER_URL);
  url.pathname = `/${database}`;
  return url.href;
}

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: SERVER_URL });
  await client.connect();
  try {
    // Two databases cannot be copied from one template at the same moment.
    await client.query("select pg_advisory_lock(hashtext('stationmaster_test'))");
    await client.query(statement);
  } finally {
    await client.end();
  }
}
