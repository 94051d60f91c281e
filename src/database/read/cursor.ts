import type { PGlite } from '@electric-sql/pglite';
import type { DatabaseClient } from '../connection/database-client.ts';

/** The rows of one statement as they were when it was opened, read a few at a time. */
export interface Cursor<Row> {
  /**
   * The next rows; none: all have been read.
   * @throws PostgreSQL's error, or a connection error
   */
  fetch(count: number): Promise<Row[]>;
  /** Ends the statement, also while rows are being fetched. It never rejects. */
  close(): Promise<void>;
}

/** How long the first rows may take, which may have to wait for a sort of the whole table, and any others. */
const FETCH_TIMEOUT_MS = 30_000;
/** How long PostgreSQL waits for the next fetch before it ends the session of a process that has vanished. */
const IDLE_TIMEOUT_MS = 90_000;

/** On a session of its own, whose transaction a reader may keep open for long. */
export async function openCursorOn<Row>(
  session: DatabaseClient,
  text: string,
  values: readonly unknown[],
): Promise<Cursor<Row>> {
  const run = async (sql: string, parameters: readonly unknown[] = []) => {
    const query = { text: sql, values: [...parameters], query_timeout: FETCH_TIMEOUT_MS + 1000 };
    return (await session.query(query)).rows as Row[];
  };
  try {
    await run('begin read only');
    await run(`set local statement_timeout = ${FETCH_TIMEOUT_MS}`);
    await run(`set local idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS}`);
    await run(`declare rows no scroll cursor for ${text}`, values);
  } catch (error) {
    session.destroy();
    throw error;
  }
  return {
    fetch: (count) => run(`fetch ${count} from rows`),
    close: async () => session.destroy(),
  };
}

let opened = 0;

/** The embedded database has one session for all: the cursor outlives its transaction, which would keep the others waiting. */
export async function openCursorEmbedded<Row>(
  pglite: PGlite,
  text: string,
  values: readonly unknown[],
): Promise<Cursor<Row>> {
  const name = `rows_${++opened}`;
  await pglite.query(`declare ${name} no scroll cursor with hold for ${text}`, [...values]);
  return {
    fetch: async (count) => (await pglite.query<Row>(`fetch ${count} from ${name}`)).rows,
    close: async () => {
      // It is gone already when the database was closed.
      await pglite.query(`close ${name}`).catch(() => {});
    },
  };
}
