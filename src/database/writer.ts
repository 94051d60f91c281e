import { raw } from '@mikro-orm/core';
import type { EntityManager, QueryBuilder } from '@mikro-orm/postgresql';
import { StationmasterError } from '../errors.ts';
import type { Database } from './database.ts';
import { WriteGroups } from './write-groups.ts';

export interface WriterOptions {
  readonly database: Database;
  /** Resolves when this process has heard of everything the transaction changed. */
  readonly settled: (xid: string, scope: 'statement' | 'transaction') => Promise<void>;
  readonly channel: string;
}

/** Runs writes, and answers them only once this process has heard of what they changed. */
export interface Writer {
  /**
   * Runs `work` in a transaction. Its errors roll everything back.
   * @throws {StationmasterError} CONFLICT, NOT_FOUND or BAD_USER_INPUT when a constraint was violated
   */
  transaction<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result>;
  /**
   * Runs one statement that inserts or updates one row, which takes a quarter of the round trips of a transaction. What
   * comes while others are being committed may be committed together with more of its kind.
   * @returns the row as it is then, or `null` when there is none
   * @throws {StationmasterError} as `transaction`
   */
  row(build: (em: EntityManager) => Written): Promise<object | null>;
  /** Runs one writing statement, which returns the id of its transaction as `xid` in each row. */
  statement<Row extends { xid: string }>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
}

// biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
type Written = Pick<QueryBuilder<any>, 'returning'>;

type Build = (em: EntityManager) => Written;

export function createWriter({ database, settled, channel }: WriterOptions): Writer {
  // Sent last, so that it is heard last: PostgreSQL delivers a transaction's notifications in the order they were made.
  const mark = `select x.id as xid, pg_notify('${channel}', json_build_object('mark', x.id)::text)
    from (select pg_current_xact_id()::text as id) x`;
  async function transaction<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result> {
    const { result, xid } = await database.fork().transactional(async (em) => {
      const result = await work(em);
      const [row] = await em.execute<{ xid: string }[]>(mark);
      return { result, xid: row!.xid };
    });
    await settled(xid, 'transaction');
    return result;
  }

  const rows = new WriteGroups<Build, object | null>({
    async one(build) {
      const query = build(database.fork()).returning(['*', raw('pg_current_xact_id()::text as xid')]);
      const row = await query.execute<({ xid: string } & object) | undefined>('get').catch(explainViolation);
      if (!row) return null;
      const { xid, ...written } = row;
      await settled(xid, 'statement');
      return written;
    },
    async group(builds) {
      let isWritten = false;
      try {
        return await transaction(async (em) => {
          await em.execute(`set local lock_timeout = ${GROUP_LOCK_TIMEOUT_MS}`);
          const written: (object | null)[] = [];
          for (const build of builds) {
            written.push((await build(em).returning('*').execute<object | undefined>('get')) ?? null);
          }
          // Not for the commit, which waits for those of others in any case.
          await em.execute('set local lock_timeout = 0');
          isWritten = true;
          return written;
        });
      } catch (error) {
        // Before the commit was asked for, nothing can have come of it; afterwards nobody knows.
        if (isWritten) throw error;
        return null;
      }
    },
  });

  return {
    transaction: (work) => transaction(work).catch(explainViolation),
    row: (build) => rows.run(build),
    async statement<Row extends { xid: string }>(name: string, text: string, values: readonly unknown[]) {
      const rows = await database.execute<Row>(name, text, values);
      const xid = rows[0]?.xid;
      if (xid !== undefined) await settled(xid, 'statement');
      return rows;
    },
  };
}

/** Whoever has to wait longer for somebody's lock waits alone. */
const GROUP_LOCK_TIMEOUT_MS = 50;

/** Which input a constraint guards, by the constraint's name in the migrations. */
const FIELD_OF_CONSTRAINT: Record<string, { field: string; message: string }> = {
  workstation_name_unique: { field: 'input.name', message: 'Another workstation has this name.' },
  manager_email_unique: { field: 'input.email', message: 'Another manager has this email address.' },
  workstation_manager_id_fkey: { field: 'input.managerId', message: 'There is no manager with this id.' },
};

/** SQLSTATE codes of class 23, integrity constraint violation (PostgreSQL, appendix A). */
const FOREIGN_KEY_VIOLATION = '23503';
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';

function explainViolation(error: unknown): never {
  const { code, constraint = '' } = error as { code?: string; constraint?: string };
  const { field, message } = FIELD_OF_CONSTRAINT[constraint] ?? {};
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
