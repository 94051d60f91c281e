import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';
import type { ChangeFeedKind } from '../config/config.ts';
import { openDatabase } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { entities, migrations } from '../features/index.ts';
import { type Engine, engine } from './test-engine.ts';

/*
 * Each test application has its own database. Where a run has a template, the database is a copy of it: a dump of the data
 * folder on PGlite, a template database on PostgreSQL. Without a template the application migrates an empty database.
 */

export { type Engine, engine };

/** By what the applications of this run hear of changes on PostgreSQL: `TEST_CHANGE_FEED`, by default NOTIFY. */
export const changeFeed: ChangeFeedKind = process.env.TEST_CHANGE_FEED === 'logical' ? 'logical' : 'notify';

/** The server of this run, where it needs one. */
function serverUrl(): string {
  return process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test';
}

/** The environment variable that names the template to the processes of a run. */
const TEMPLATE = 'STATIONMASTER_TEST_TEMPLATE';

/** Opening a database wipes its buffers. At their usual size that takes longer than the rest of the opening. */
const SMALL = { postgresqlconf: ['shared_buffers = 4MB'], initDbStartParams: ['--wal-segsize=1'] };

/**
 * Creates the template and puts its name into the environment, so that processes started later find it. Call it once a run,
 * before the tests: for example in Jest's `globalSetup`. It saves each test application the migrations.
 */
export async function createTemplate(): Promise<void> {
  process.env[TEMPLATE] = engine === 'postgresql' ? await createServerTemplate() : await createEmbeddedTemplate();
}

/** Removes the template after a run. */
export async function dropTemplate(): Promise<void> {
  const template = process.env[TEMPLATE];
  if (!template) return;
  if (engine === 'postgresql') await onServer(`drop database ${template} with (force)`);
  else await rm(template, { force: true });
}

async function createServerTemplate(): Promise<string> {
  const name = newName();
  await onServer(`create database ${name}`);
  const database = await openDatabase(
    { kind: 'postgresql', url: urlOf(name), poolSize: 2, changeFeed },
    { entities, migrations },
  );
  await migrate(database);
  if (changeFeed === 'logical') await database.execute('', 'select stationmaster_notify_changes(false)', []);
  await database.close();
  return name;
}

/** @returns the path of the dump */
async function createEmbeddedTemplate(): Promise<string> {
  const pglite = await PGlite.create(SMALL);
  const database = await openDatabase({ kind: 'pglite', dataDir: '' }, { entities, migrations, pglite });
  await migrate(database);
  // PostgreSQL's own templates are two thirds of all files. Every copy would carry them, and tests create no databases.
  for (const unused of ['template0', 'template1']) {
    await pglite.exec(`alter database ${unused} is_template false`);
    await pglite.exec(`drop database ${unused}`);
  }
  const dump = await pglite.dumpDataDir('none');
  await database.close();
  await pglite.close();
  const path = join(tmpdir(), `${newName()}.tar`);
  await writeFile(path, new Uint8Array(await dump.arrayBuffer()));
  return path;
}

/** Opens an empty database in memory: migrated if the run has a template for PGlite. The caller disposes of it. */
export async function createEmbeddedDatabase(): Promise<{ pglite: PGlite; dispose(): Promise<void> }> {
  const template = engine === 'pglite' ? process.env[TEMPLATE] : undefined;
  const pglite = await PGlite.create(template ? { loadDataDir: new Blob([await readFile(template)]) } : SMALL);
  return { pglite, dispose: () => pglite.close() };
}

/** Puts a migrated, empty database into a folder, for a server process to open. The run must have a template. */
export async function createEmbeddedFolder(dataDir: string): Promise<void> {
  const dump = new Blob([await readFile(process.env[TEMPLATE]!)]);
  const pglite = await PGlite.create({ dataDir, loadDataDir: dump });
  await pglite.close();
}

/** Creates an empty database on the server: migrated if the run has a template. The caller disposes of it. */
export async function createServerDatabase(): Promise<{ url: string; dispose(): Promise<void> }> {
  const name = newName();
  const template = process.env[TEMPLATE];
  await onServer(`create database ${name}${template ? ` template ${template}` : ''}`);
  // Its data lives as long as the test, so no commit need wait for a disk.
  await onServer(`alter database ${name} set synchronous_commit = off`);
  return { url: urlOf(name), dispose: () => drop(name) };
}

/** PostgreSQL refuses it as long as a slot is in use, and notices only after a moment that its connection is gone. */
async function drop(name: string): Promise<void> {
  for (let attempts = 100; ; attempts--) {
    try {
      await onServer(`drop database ${name} with (force)`);
      return;
    } catch (error) {
      if (attempts === 0 || (error as { code?: string }).code !== OBJECT_IN_USE) throw error;
      await sleep(50);
    }
  }
}

const OBJECT_IN_USE = '55006';

function newName(): string {
  return `stationmaster_test_${randomBytes(6).toString('hex')}`;
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    // PostgreSQL refuses to copy a template twice at the same time.
    await client.query("select pg_advisory_lock(hashtext('stationmaster_test'))");
    await client.query(statement);
  } finally {
    await client.end();
  }
}
