import type { EntityManager, QueryBuilder } from '@mikro-orm/postgresql';
import { StationmasterError } from '../../errors.ts';
import { type Database, isRefusal } from '../database.ts';
import { STATEMENT_TIMEOUT_MS } from '../orm.ts';
import { GroupCommit } from './group-commit.ts';
import { untilUncontended } from './until-uncontended.ts';

export interface WriterOptions {
  readonly database: Database;
  /** Resolves when this process has heard of everything the transaction changed. */
  readonly waitUntilApplied: (xid: string, scope: 'statement' | 'transaction') => Promise<void>;
  readonly channel: string;
  /** Which input a constraint guards, and what to tell who violated it, by the constraint's name. */
  readonly guardedInputs: ReadonlyMap<string, { readonly field: string; readonly message: string }>;
}

/** Runs writes, and answers them only once this process has heard of what they changed. */
export interface Writer {
  /**
   * Runs `work` in a transaction. Its errors roll everything back. It may run several times: a transaction that PostgreSQL
   * undoes because of what others do is tried again.
   * @throws {StationmasterError} CONFLICT, NOT_FOUND or BAD_USER_INPUT when a constraint was violated
   */
  transaction<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result>;
  /**
   * Runs one statement that inserts or updates one row, which takes a quarter of the round trips of a transaction. What
   * comes while others are being committed may be committed together with more of its kind.
   * @returns the row as it is then, or `null` when there is none
   * @throws {StationmasterError} as `transaction`
   */
  row(build: (em: EntityManager) => Written): Promise<Row | null>;
  /** Runs one writing statement, which returns the id of its transaction as `xid` in each row. */
  statement<Row extends { xid: string }>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
}

/** A row by the names of its columns, its values as PostgreSQL makes JSON of them: as in an announcement. */
export type Row = Readonly<Record<string, unknown>>;

// biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
type Written = Pick<QueryBuilder<any>, 'returning'>;

export function createWriter({ database, waitUntilApplied, channel, guardedInputs }: WriterOptions): Writer {
  // Sent last, so that it is heard last: PostgreSQL delivers a transaction's notifications in the order they were made.
  const mark = `select x.id as xid, pg_notify('${channel}', json_build_object('mark', x.id)::text)
    from (select pg_current_xact_id()::text as id) x`;
  const explain = (error: unknown) => explainViolation(error, guardedInputs);
  async function transaction<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result> {
    const { result, xid } = await database.fork().transactional(async (em) => {
      const result = await work(em);
      const [row] = await em.execute<{ xid: string }[]>(mark);
      return { result, xid: row!.xid };
    });
    await waitUntilApplied(xid, 'transaction');
    return result;
  }

  // It only builds statements, so nothing of one is left for the next.
  const builder = database.fork();
  const rows = new GroupCommit<string, Row | null>({
    async one(text) {
      const [rows = []] = (await patiently(() => database.batch([text])).catch(explain)) as JsonRow[][];
      if (rows[0]) await waitUntilApplied(rows[0].xid, 'statement');
      return firstFromJson(rows);
    },
    async group(texts) {
      const waiting = [`set local lock_timeout = ${GROUP_LOCK_TIMEOUT_MS}`, ...texts];
      // Not for the commit, which waits for those of others in any case.
      const committing = ['set local lock_timeout = 0', mark];
      const results = await database.batch([...waiting, ...committing]).catch((error) => {
        if (isRefusal(error)) return null;
        throw error;
      });
      if (!results) return null;
      const written = results.slice(1, 1 + texts.length) as JsonRow[][];
      const [marked] = results.at(-1) as { xid: string }[];
      await waitUntilApplied(marked!.xid, 'transaction');
      return written.map(firstFromJson);
    },
  });

  return {
    transaction: (work) => patiently(() => transaction(work)).catch(explain),
    row: (build) => rows.run(asJson(build(builder).returning('*'))),
    async statement<Row extends { xid: string }>(name: string, text: string, values: readonly unknown[]) {
      const rows = await patiently(() => database.execute<Row>(name, text, values));
      const xid = rows[0]?.xid;
      if (xid !== undefined) await waitUntilApplied(xid, 'statement');
      return rows;
    },
  };
}

/** As long as one statement that waits for a lock may take. */
function patiently<Result>(write: () => Promise<Result>): Promise<Result> {
  return untilUncontended(write, STATEMENT_TIMEOUT_MS);
}

/** The statement that gives the rows of another one as JSON. */
export function asJson(query: Pick<QueryBuilder, 'getFormattedQuery'>): string {
  return `with w as (${query.getFormattedQuery()})
    select to_json(w)::text as row, pg_current_xact_id()::text as xid from w`;
}

export interface JsonRow {
  readonly row: string;
  readonly xid: string;
}

/** The first of the rows that such a statement gave; `null` when there is none. */
export function firstFromJson([found]: readonly JsonRow[]): Row | null {
  return found ? JSON.parse(found.row) : null;
}

/** Whoever has to wait longer for somebody's lock waits alone. */
const GROUP_LOCK_TIMEOUT_MS = 50;

/** SQLSTATE codes of class 23, integrity constraint violation (PostgreSQL, appendix A). */
const FOREIGN_KEY_VIOLATION = '23503';
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';

function explainViolation(error: unknown, guardedInputs: WriterOptions['guardedInputs']): never {
  const { code, constraint = '' } = error as { code?: string; constraint?: string };
  const { field, message } = guardedInputs.get(constraint) ?? {};
  const options = { ...(field ? { field } : {}), cause: error };
  if (code === UNIQUE_VIOLATION) {
    throw new StationmasterError('CONFLICT', message ?? 'Something like this exists already.', options);
  }
  if (code === FOREIGN_KEY_VIOLATION) {
    throw new StationmasterError('NOT_FOUND', message ?? 'Something this refers to does not exist.', options);
  }
  if (code === CHECK_VIOLATION) {
    throw new StationmasterError('BAD_USER_INPUT', 'A value is outside what is allowed.', options);
  }
  throw error;
}
