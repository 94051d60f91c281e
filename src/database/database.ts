import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { MikroORM } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { Config } from '../config.ts';
import { StationmasterError } from '../errors.ts';
import { lockDataFolder } from './data-folder.ts';
import { createOrmOptions, type Entities } from './orm.ts';

/** The database as the rest of the application sees it: entity managers for writes, prepared statements for reads. */
export interface Database {
  readonly kind: 'pglite' | 'postgresql';
  /** A fresh entity manager, for one unit of work. */
  fork(): EntityManager;
  /**
   * Runs one read as a prepared statement and returns its rows as plain objects.
   * @param name identifies the text: the same name always comes with the same text
   * @throws {StationmasterError} UNAVAILABLE when the answer takes too long, the wait for a connection included
   */
  query<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /** The same for a statement that writes, with the time that writes have. When it fails it may have been committed. */
  execute<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /** SQL statements sent so far, transaction control left out. */
  readonly statementCount: number;
  readonly orm: MikroORM;
  /** The embedded database itself, when that is what runs. */
  readonly pglite: PGlite | null;
  close(): Promise<void>;
}

export interface OpenDatabaseOptions {
  readonly entities: Entities;
  /** An embedded database that is open already; whoever opened it closes it. */
  readonly pglite?: PGlite;
}

/** A reader would rather hear within a second that there is no answer than wait for it. */
const READ_TIMEOUT_MS = 900;
const DEADLINE_SLICE_MS = 100;

const GOODBYE_MS = 400;

type Run = <Row>(name: string, text: string, values: readonly unknown[], timeoutMs?: number) => Promise<Row[]>;

/** Connects lazily: on PostgreSQL nothing is sent until the first statement. */
export async function openDatabase(
  config: Config['database'],
  { entities, pglite: given }: OpenDatabaseOptions,
): Promise<Database> {
  let statementCount = 0;
  const options = createOrmOptions(config, entities);
  const pglite = config.kind === 'pglite' ? (given ?? (await openEmbedded(config.dataDir))) : null;
  const orm = await MikroORM.init({
    ...options,
    ...(pglite ? { driverOptions: { pglite } } : {}),
    onQuery: (sql) => {
      statementCount++;
      return sql;
    },
  });
  const run = pglite ? runOnEmbedded(pglite) : await runOnPool(orm);
  return {
    kind: config.kind,
    orm,
    pglite,
    fork: () => orm.em.fork() as unknown as EntityManager,
    query: (name, text, values) => {
      statementCount++;
      return withDeadline(run(name, text, values, READ_TIMEOUT_MS), READ_TIMEOUT_MS);
    },
    execute: (name, text, values) => {
      statementCount++;
      return run(name, text, values);
    },
    get statementCount() {
      return statementCount;
    },
    close: async () => {
      // A server that hangs would never say goodbye.
      await Promise.race([orm.close(), ...(pglite ? [] : [sleep(GOODBYE_MS, undefined, { ref: false })])]);
      if (pglite && !given) await pglite.close();
    },
  };
}

async function openEmbedded(folder: string): Promise<PGlite> {
  const unlock = await lockDataFolder(folder);
  try {
    // Loaded only here: those who bring their own PostgreSQL need not wait for the WebAssembly.
    const { PGlite } = await import('@electric-sql/pglite');
    if (!existsSync(join(folder, 'PG_VERSION'))) await makeEmbedded(folder, PGlite);
    const pglite = await PGlite.create(folder);
    const close = pglite.close.bind(pglite);
    return Object.assign(pglite, { close: () => close().finally(unlock) });
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Made aside and then renamed: a process that is killed meanwhile leaves no half of a database, which nobody could open. */
async function makeEmbedded(folder: string, engine: typeof PGlite): Promise<void> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  const pglite = await engine.create(draft);
  await pglite.close();
  await rename(draft, folder);
}

function runOnEmbedded(pglite: PGlite): Run {
  return async <Row>(_name: string, text: string, values: readonly unknown[]) =>
    (await pglite.query<Row>(text, [...values])).rows;
}

async function runOnPool(orm: MikroORM): Promise<Run> {
  const pool = await poolOf(orm);
  return async <Row>(name: string, text: string, values: readonly unknown[], timeoutMs?: number) => {
    // Past its time pg gives the connection up, which then leaves the pool. That is later than the reader gives up, whose
    // time does not run while this process is held up; pg's does.
    const query = { name, text, values: [...values], ...(timeoutMs && { query_timeout: 2 * timeoutMs }) };
    return (await pool.query(query)).rows as Row[];
  };
}

/** The pool beneath MikroORM on PostgreSQL. */
export async function poolOf(orm: MikroORM): Promise<Pool> {
  const connection = orm.em.getDriver().getConnection() as unknown as { getNativeClient(): Promise<Pool> };
  return connection.getNativeClient();
}

/**
 * Only time in which this process could have heard the answer counts: it is measured in short slices, so that a process
 * that was busy or suspended loses one of them and not the answer.
 */
async function withDeadline<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    const giveUp = () => {
      reject(new StationmasterError('UNAVAILABLE', 'The database did not answer in time; try again.'));
    };
    const wait = (leftMs: number) => {
      // A turn later: the answer may have come while this process was busy, and wait to be read.
      const next = leftMs > 0 ? () => wait(leftMs - DEADLINE_SLICE_MS) : () => setImmediate(giveUp);
      timer = setTimeout(next, Math.min(leftMs, DEADLINE_SLICE_MS));
    };
    wait(timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
