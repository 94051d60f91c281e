import { Client, DatabaseError, type QueryResultRow } from 'pg';
import { RefusedError } from './api.ts';

/**
 * A plain SQL session, as another program would use, without the proxies. It reconnects when its connection was closed.
 */
export interface Sql {
  /**
   * Runs the statements in one transaction and returns the rows of each.
   * @throws {RefusedError} when the transaction was rolled back; after any other error that is unknown
   */
  run<Row extends QueryResultRow>(...statements: readonly Statement[]): Promise<Row[][]>;
  close(): Promise<void>;
}

export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Fails instead of waiting for a lock that a hung instance holds. */
const SETTINGS = 'set lock_timeout = 1000; set statement_timeout = 5000';

/** @param database its URL is asked for with each new connection */
export function createSql(database: { readonly url: string }): Sql {
  let client: Client | null = null;
  const connect = async () => {
    const connecting = new Client({ connectionString: database.url, application_name: 'coherence' });
    connecting.on('error', () => {
      if (client === connecting) client = null;
    });
    await connecting.connect();
    await connecting.query(SETTINGS);
    client = connecting;
    return connecting;
  };
  return {
    async run<Row extends QueryResultRow>(...statements: readonly Statement[]) {
      let connected: Client;
      try {
        connected = client ?? (await connect());
      } catch (error) {
        throw new RefusedError((error as Error).message);
      }
      const isOne = statements.length === 1;
      try {
        if (!isOne) await connected.query('begin');
        const results: Row[][] = [];
        for (const { text, values } of statements) {
          results.push((await connected.query<Row>(text, values ? [...values] : [])).rows);
        }
        if (!isOne) await connected.query('commit');
        return results;
      } catch (error) {
        const isRolledBack = error instanceof DatabaseError && error.severity === 'ERROR';
        if (isRolledBack && !isOne) await connected.query('rollback').catch(() => {});
        if (isRolledBack) throw new RefusedError(error.message);
        client = null;
        connected.end().catch(() => {});
        throw error;
      }
    },
    async close() {
      await client?.end().catch(() => {});
      client = null;
    },
  };
}
