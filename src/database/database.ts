import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { MikroORM } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { ChangeFeedKind, Config } from '../config/config.ts';
import { EXIT_CODE, StartError } from '../process/start-error.ts';
import { ConnectionLimit } from './connection/connection-limit.ts';
import { DatabaseClient, type DatabaseClientConfig, describeTarget } from './connection/database-client.ts';
import { ServerWatch } from './connection/server-watch.ts';
import { lockDataFolder } from './data-folder.ts';
import { createOrmOptions, describeWrites, type Schema, SESSION_SETTINGS, type TimeLimits, timeLimits } from './orm.ts';
import { formatOf } from './read/column-types.ts';
import { type Cursor, openCursorEmbedded, openCursorOn } from './read/cursor.ts';
import { withDeadline } from './read/deadline.ts';
import { ReadPool } from './read/read-pool.ts';
import type { RowStatement } from './read/row-client.ts';
import { ValuesRow } from './read/row-reader.ts';
import { parseTime } from './read/text-row.ts';
import { type DatabaseObserver, type Purpose, readOf, StatementLogger, timed } from './statement-times.ts';

/** The database as the rest of the application sees it: entity managers for writes, prepared statements for reads. */
export interface Database {
  readonly kind: 'pglite' | 'postgresql';
  /** How the instances hear of changes. */
  readonly changeFeed: ChangeFeedKind;
  /** A fresh entity manager, for one unit of work. */
  fork(): EntityManager;
  /**
   * Runs one read as a prepared statement and returns its rows as plain objects.
   * @param name identifies the text: the same name always comes with the same text. Empty: the statement is not kept
   * @throws {StationmasterError} UNAVAILABLE when the answer takes too long, the wait for a connection included
   */
  query<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /** Like `query`, for many rows of column types that a `RowReader` can read. `read` converts each row. */
  readRows<Row>(statement: RowStatement<Row>): Promise<Row[]>;
  /**
   * Opens a cursor on a read of any size, outside the pools. The caller closes it.
   * @throws as `openSession`, and PostgreSQL's error
   */
  openCursor<Row>(text: string, values: readonly unknown[]): Promise<Cursor<Row>>;
  /** Like `query`, for a statement that writes, with the timeout of writes. If it fails, it may still have been committed. */
  execute<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /**
   * Runs writing statements, which contain their values, in one transaction and one message.
   * @returns the rows of each statement
   * @throws PostgreSQL's error if it refuses a statement: nothing was written. Or a connection error: the outcome is unknown
   */
  batch(statements: readonly string[]): Promise<readonly (readonly object[])[]>;
  /**
   * Runs a statement on a connection for writes, unless all are busy, and returns whether it ran. It is not counted.
   * @throws PostgreSQL's error, or the reason why no connection could be opened
   */
  runIfWriterIsFree(name: string, text: string, values: readonly unknown[]): Promise<boolean>;
  /**
   * Opens a connection outside the pools. The caller closes it. PostgreSQL only.
   * @throws if it cannot be opened
   */
  openSession(): Promise<DatabaseClient>;
  /** Closes an idle connection if the server grants no more, so that the change feed can open one. */
  makeRoom(): Promise<void>;
  /** Whether all open connections for reads are in use, so that what is not urgent should wait. */
  readonly isBusy: boolean;
  /** The number of SQL statements sent so far, without transaction control. */
  readonly statementCount: number;
  readonly orm: MikroORM;
  /** Watches which server the pooled connections lead to. PostgreSQL only. */
  readonly servers: ServerWatch;
  /** The embedded database; `null` on PostgreSQL. */
  readonly pglite: PGlite | null;
  close(): Promise<void>;
}

export interface OpenDatabaseOptions extends Schema {
  /** An embedded database that is already open. Its opener closes it. */
  readonly pglite?: PGlite;
  /** Told how long everything takes. */
  readonly observer?: DatabaseObserver | undefined;
  /** How many times as long as usual the database may take until a statement fails. Default 1. */
  readonly patience?: number | undefined;
}

const GOODBYE_MS = 400;

interface Writes {
  readonly run: <Row>(name: string, text: string, values: readonly unknown[]) => Promise<Row[]>;
  readonly batch: Database['batch'];
  readonly isFree: () => boolean;
}

/** Connects lazily: on PostgreSQL nothing is sent until the first statement. */
export async function openDatabase(
  config: Config['database'],
  { pglite: given, observer, patience, ...schema }: OpenDatabaseOptions,
): Promise<Database> {
  let statementCount = 0;
  const servers = new ServerWatch();
  const limits = timeLimits(patience);
  const onWaited = (pool: Purpose) => (waitedMs: number) => observer?.observeWait(pool, waitedMs / 1000);
  const options = await createOrmOptions(config, schema, servers.observe, limits);
  const pglite = config.kind === 'pglite' ? (given ?? (await openEmbedded(config.dataDir))) : null;
  const orm = await MikroORM.init({
    ...options,
    ...(pglite ? { driverOptions: { pglite } } : {}),
    onQuery: (sql) => {
      statementCount++;
      return sql;
    },
    ...(observer && { loggerFactory: (options) => new StatementLogger(options, observer) }),
  });
  const limit = new ConnectionLimit();
  const { run, batch, isFree } = pglite
    ? onEmbedded(pglite)
    : onPool(governWrites(await poolOf(orm), { limit, limits, servers, onWaited: onWaited('write') }));
  const reads =
    config.kind === 'postgresql' ? openReadPool(config, { limit, limits, servers, onWaited: onWaited('read') }) : null;
  return {
    kind: config.kind,
    changeFeed: config.kind === 'postgresql' ? config.changeFeed : 'notify',
    orm,
    servers,
    pglite,
    fork: () => orm.em.fork() as unknown as EntityManager,
    query: <Row>(name: string, text: string, values: readonly unknown[]) => {
      statementCount++;
      const answered = reads
        ? reads.query<Row>(name, text, values)
        : withDeadline(run<Row>(name, text, values), limits.readMs);
      return timed(answered, readOf(text), observer);
    },
    readRows: (statement) => {
      statementCount++;
      const answered = reads
        ? reads.readRows(statement)
        : withDeadline(readOnEmbedded(pglite!, statement), limits.readMs);
      return timed(answered, readOf(statement.text), observer);
    },
    openCursor: async <Row>(text: string, values: readonly unknown[]) => {
      statementCount++;
      if (pglite) return openCursorEmbedded<Row>(pglite, text, values);
      return openCursorOn<Row>(await openSession(config as { url: string }, limits), text, values);
    },
    execute: (name, text, values) => {
      statementCount++;
      return timed(run(name, text, values), { purpose: 'write', text, hasValues: false, count: 1 }, observer);
    },
    batch: (statements) => {
      statementCount += statements.length;
      const text = statements.find((statement) => !statement.startsWith('set ')) ?? '';
      const sent = { purpose: 'write', text, hasValues: true, count: statements.length } as const;
      return timed(batch(statements), sent, observer);
    },
    runIfWriterIsFree: async (name, text, values) => {
      if (!isFree()) return false;
      await run(name, text, values);
      return true;
    },
    get isBusy() {
      return reads?.isBusy ?? false;
    },
    get statementCount() {
      return statementCount;
    },
    openSession: () => openSession(config as { url: string }, limits),
    makeRoom: () => limit.makeRoom(),
    close: async () => {
      // A hanging server would never confirm that the connections are closed.
      await Promise.race([
        Promise.all([orm.close(), reads?.close()]),
        ...(pglite ? [] : [sleep(GOODBYE_MS, undefined, { ref: false })]),
      ]);
      if (pglite && !given) await pglite.close();
    },
  };
}

/** The defaults are for a server. There is one connection here, and all of this memory is taken at the start. */
const EMBEDDED_SETTINGS = ['-c', 'shared_buffers=32MB', '-c', 'max_connections=4'];

function createEmbedded(folder: string, engine: typeof PGlite): Promise<PGlite> {
  return engine.create(folder, { startParams: [...engine.defaultStartParams, ...EMBEDDED_SETTINGS] });
}

async function openEmbedded(folder: string): Promise<PGlite> {
  const unlock = await lockDataFolder(folder);
  try {
    // Loaded only here, so that a start on PostgreSQL does not load the WebAssembly.
    const { PGlite } = await import('@electric-sql/pglite');
    if (!existsSync(join(folder, 'PG_VERSION'))) await makeEmbedded(folder, PGlite);
    const pglite = await createEmbedded(folder, PGlite).catch((error) => refuseEmbedded(folder, error));
    const close = pglite.close.bind(pglite);
    return Object.assign(pglite, { close: () => close().finally(unlock) });
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Explains a failed start of the engine, whose own error only says that it aborted. */
async function refuseEmbedded(folder: string, cause: unknown): Promise<never> {
  const version = (await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  const message =
    `The embedded database in ${folder} cannot be opened: its files are damaged, or of another version of PostgreSQL ` +
    `(they say ${version || 'none'}). Restore a copy, or move the folder away to begin with an empty database.`;
  throw new StartError(EXIT_CODE.unusableData, message, { cause });
}

/** Creates the database in another folder and renames it, so that a killed process leaves no half-made database behind. */
async function makeEmbedded(folder: string, engine: typeof PGlite): Promise<void> {
  if ((await readdir(folder)).length > 0) {
    const message = `The folder ${folder} holds something that is no database. Choose another with DATA_DIR.`;
    throw new StartError(EXIT_CODE.dataFolderNotWritable, message);
  }
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  try {
    const pglite = await createEmbedded(draft, engine);
    await pglite.close();
    await rename(draft, folder);
  } catch (cause) {
    await rm(draft, { recursive: true, force: true }).catch(() => {});
    const { code = 'the engine does not say why' } = cause as NodeJS.ErrnoException;
    const message = `The embedded database cannot be made in ${folder} (${code}). Is the disk full? Choose another with DATA_DIR.`;
    throw new StartError(EXIT_CODE.dataFolderNotWritable, message, { cause });
  }
}

function onEmbedded(pglite: PGlite): Writes {
  return {
    run: async <Row>(_name: string, text: string, values: readonly unknown[]) =>
      (await pglite.query<Row>(text, [...values])).rows,
    batch: (statements) =>
      pglite.transaction(async (tx) => (await tx.exec(statements.join(';'))).map(({ rows }) => rows as object[])),
    isFree: () => true,
  };
}

/** Parsers by type OID: timestamptz, int8, numeric. */
const PARSERS = { 1184: parseTime, 20: Number, 1700: Number };

async function readOnEmbedded<Row>(pglite: PGlite, { text, values, kinds, read }: RowStatement<Row>): Promise<Row[]> {
  const { rows, fields } = await pglite.query<unknown[]>(text, [...values], { rowMode: 'array', parsers: PARSERS });
  formatOf(kinds, fields);
  const reader = new ValuesRow();
  return rows.map((row) => {
    reader.begin(row);
    return read(reader);
  });
}

function onPool(pool: Pool): Writes {
  return {
    isFree: () => pool.idleCount > 0 || pool.totalCount < pool.options.max,
    run: async <Row>(name: string, text: string, values: readonly unknown[]) =>
      (await pool.query({ name, text, values: [...values] })).rows as Row[],
    async batch(statements) {
      const client = await pool.connect();
      try {
        // PostgreSQL runs all statements of one message in one transaction.
        const results: unknown = await client.query(statements.join(';'));
        client.release();
        return (Array.isArray(results) ? results : [results]).map(({ rows }) => rows);
      } catch (error) {
        client.release(isRefusal(error) ? undefined : (error as Error));
        throw error;
      }
    },
  };
}

/**
 * Whether PostgreSQL refused the statement, so that nothing was written: the error has an SQLSTATE other than those of a lost
 * connection (class 08) or a server that shuts down (57P).
 */
export function isRefusal(error: unknown): boolean {
  const { code = '' } = error as { readonly code?: string };
  // Codes of system errors, such as EPIPE, have no digits.
  return /^(?!08|57P)(?=.*\d)[0-9A-Z]{5}$/.test(code);
}

function openSession({ url }: { readonly url: string }, limits: TimeLimits): Promise<DatabaseClient> {
  return new DatabaseClient({ target: describeWrites(url, limits) } as DatabaseClientConfig).connect();
}

interface PoolParts {
  readonly limit: ConnectionLimit;
  readonly limits: TimeLimits;
  readonly servers: ServerWatch;
  readonly onWaited: (waitedMs: number) => void;
}

function governWrites(pool: Pool, { limit, limits, servers, onWaited }: PoolParts): Pool {
  limit.govern(pool, limits.connectMs, onWaited);
  servers.govern(pool);
  return pool;
}

function openReadPool(
  { url, poolSize }: { readonly url: string; readonly poolSize: number },
  { limit, limits, servers, onWaited }: PoolParts,
): ReadPool {
  const target = describeTarget(url, {
    applicationName: 'stationmaster',
    connectTimeoutMs: limits.connectMs,
    // Lets PostgreSQL cancel statements whose reader has given up.
    settings: { ...SESSION_SETTINGS, statement_timeout: String(limits.readMs + 200) },
  });
  const options = { size: poolSize, readTimeoutMs: limits.readMs, limit, servers, onWaited };
  return new ReadPool({ target: { ...target, onServer: servers.observe }, ...options });
}

/** The pg pool that MikroORM uses. */
export async function poolOf(orm: MikroORM): Promise<Pool> {
  const connection = orm.em.getDriver().getConnection() as unknown as { getNativeClient(): Promise<Pool> };
  return connection.getNativeClient();
}
