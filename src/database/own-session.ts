import { randomUUID } from 'node:crypto';
import type { ClientBase, Pool } from 'pg';
import { EXIT_CODE, StartError } from '../process/start-error.ts';

/** A setting that nobody else uses. PostgreSQL takes any name with a dot. */
const MARK = 'stationmaster.session';

/**
 * Makes sure that a connection is one session from its beginning to its end. Poolers that give each transaction another
 * one make prepared statements collide, give settings to others, and let no notification through.
 *
 * The client marks its session and leaves it. A pooler gives that session to the next who begins a transaction, and the
 * client finds itself in another one.
 *
 * @throws {StartError} when sessions are shared
 */
export async function requireOwnSession(client: ClientBase, pool: Pool): Promise<void> {
  const mark = randomUUID();
  await client.query(`select set_config('${MARK}', '${mark}', false)`);
  const other = await pool.connect();
  try {
    const isRefused = await other.query('begin').then(
      () => false,
      (error: Error) => POOLS_STATEMENTS.test(error.message) || Promise.reject(error),
    );
    const { rows } = await client.query(`select current_setting('${MARK}', true) as mark`);
    if (isRefused || rows[0]?.mark !== mark) throw sharedSessions();
  } finally {
    other.release(true);
  }
}

/** As PgBouncer refuses transactions where each statement gets another session. */
const POOLS_STATEMENTS = /transaction blocks not allowed in statement pooling mode/i;

function sharedSessions(): StartError {
  const message =
    'DATABASE_URL leads through a pooler that gives each transaction another session, such as PgBouncer with ' +
    'pool_mode = transaction. Connect to PostgreSQL itself, or to a pool in session mode.';
  return new StartError(EXIT_CODE.badConfiguration, message);
}
