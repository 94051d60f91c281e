import type { EntityManager, QueryBuilder } from '@mikro-orm/postgresql';
import { StationmasterError } from '../../errors.ts';
import { announceSql } from '../announce-sql.ts';
import { type Database, isRefusal } from '../database.ts';
import { GroupCommit } from './group-commit.ts';
import { buildEdit, type Edit, mergeEdits, type Row } from './merged-edits.ts';
import { untilUncontended } from './until-uncontended.ts';

export interface WriterOptions {
  readonly database: Database;
  /** Resolves once this process has applied the announcements of all changes of the transaction. */
  readonly waitUntilApplied: (xid: string, scope: 'statement' | 'transaction') => Promise<void>;
  readonly channel: string;
  /** By the name of a constraint: the input field that it guards, and the message for a violation. */
  readonly guardedInputs: ReadonlyMap<string, { readonly field: string; readonly message: string }>;
}

/** Runs writes. Each resolves only after this process has applied the announcements of its changes. */
export interface Writer {
  /**
   * Runs `work` in a transaction, and rolls back if it throws. `work` may run several times: a transaction that PostgreSQL
   * rolls back because of concurrent ones is tried again.
   * @throws {StationmasterError} CONFLICT, NOT_FOUND or BAD_USER_INPUT when a constraint was violated
   */
  transaction<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result>;
  /**
   * Runs one statement that writes one row, with a quarter of the round trips of `transaction`. Statements that
   * arrive while others are being committed may share a commit.
   * @returns the new content of the row, or `null` if the statement found none
   * @throws {StationmasterError} the same errors as `transaction`
   */
  row(build: (em: EntityManager) => Written): Promise<Row | null>;
  /** `row` for an edit of a row. Edits of the same columns that share a commit may share a statement. */
  edit(edit: Edit): Promise<Row | null>;
  /** Runs one writing statement. Each row that it returns must have the id of the transaction as `xid`. */
  statement<Row extends { xid: string }>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
}

// biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
type Written = Pick<QueryBuilder<any>, 'returning'>;

export function createWriter({ database, waitUntilApplied, channel, guardedInputs }: WriterOptions): Writer {
  // The last message of the transaction. PostgreSQL delivers them in order, so hearing it means that all were heard.
  const sendMark = announceSql(database, `'${channel}'`, "json_build_object('mark', x.id)::text");
  const mark = `select x.id as xid, ${sendMark}
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

  // Safe to share: this EntityManager only builds SQL and keeps no state.
  const builder = database.fork();
  const rows = new GroupCommit<string | Edit, Row | null>({
    async one(job) {
      const text = typeof job === 'string' ? job : asJson(buildEdit(builder, job).returning('*'));
      const [rows = []] = (await patiently(() => database.batch([text])).catch(explain)) as JsonRow[][];
      if (rows[0]) await waitUntilApplied(rows[0].xid, 'statement');
      return firstFromJson(rows);
    },
    async group(jobs) {
      const { texts, resultsOf } = mergeEdits(jobs, builder);
      const waiting = [`set local lock_timeout = ${GROUP_LOCK_TIMEOUT_MS}`, ...texts];
      // No lock timeout for the commit itself: it always waits for the commits of others.
      const committing = ['set local lock_timeout = 0', mark];
      const results = await database.batch([...waiting, ...committing]).catch((error) => {
        if (isRefusal(error)) return null;
        throw error;
      });
      if (!results) return null;
      const written = results.slice(1, 1 + texts.length) as JsonRow[][];
      const [marked] = results.at(-1) as { xid: string }[];
      await waitUntilApplied(marked!.xid, 'transaction');
      return resultsOf(written.map((rows) => rows.map(({ row }) => JSON.parse(row) as Row)));
    },
  });

  return {
    transaction: (work) => patiently(() => transaction(work)).catch(explain),
    row: (build) => rows.run(asJson(build(builder).returning('*'))),
    edit: (edit) => rows.run(edit),
    async statement<Row extends { xid: string }>(name: string, text: string, values: readonly unknown[]) {
      const rows = await patiently(() => database.execute<Row>(name, text, values));
      const xid = rows[0]?.xid;
      if (xid !== undefined) await waitUntilApplied(xid, 'statement');
      return rows;
    },
  };
}

/** As long as one statement may wait for a lock. */
const RETRY_FOR_MS = 5000;

function patiently<Result>(write: () => Promise<Result>): Promise<Result> {
  return untilUncontended(write, RETRY_FOR_MS);
}

/** Wraps a statement so that it returns its rows as JSON, with the id of the transaction. */
export function asJson(query: Pick<QueryBuilder, 'getFormattedQuery'>): string {
  return `with w as (${query.getFormattedQuery()})
    select to_json(w)::text as row, pg_current_xact_id()::text as xid from w`;
}

export interface JsonRow {
  readonly row: string;
  readonly xid: string;
}

/** Parses the first row of such a statement; `null` if it returned none. */
export function firstFromJson([found]: readonly JsonRow[]): Row | null {
  return found ? JSON.parse(found.row) : null;
}

/** A group in which a statement waits longer for a lock is rolled back, and its statements run alone. */
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
