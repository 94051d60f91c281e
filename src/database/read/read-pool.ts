import { Pool, type PoolClient, type PoolConfig } from 'pg';
import type { ConnectionLimit } from '../connection/connection-limit.ts';
import type { Target } from '../connection/database-client.ts';
import type { ServerWatch } from '../connection/server-watch.ts';
import { ColumnTypeError } from './column-types.ts';
import { withDeadline } from './deadline.ts';
import { RowClient, type RowStatement } from './row-client.ts';

export interface ReadPoolOptions {
  readonly target: Target;
  readonly size: number;
  /** For the wait for a connection and the answer together. */
  readonly readTimeoutMs: number;
  readonly limit: ConnectionLimit;
  readonly servers: ServerWatch;
}

/**
 * For how many times the read timeout one who waits for a connection is kept waiting where the server grants fewer than the
 * pool has room for, as long as those before are answered.
 */
const MAX_PERIODS = 5;

/**
 * The connections that reads go over, beside those that MikroORM writes over: writers that wait for a lock keep no reader
 * waiting. And none of them has a timer for each statement, each check-out and each return, as a pool for both would need.
 */
export class ReadPool {
  readonly #pool: Pool;
  readonly #limit: ConnectionLimit;
  readonly #readTimeoutMs: number;
  /** How many reads were answered so far. */
  #answers = 0;

  constructor({ target, size, readTimeoutMs, limit, servers }: ReadPoolOptions) {
    this.#limit = limit;
    this.#readTimeoutMs = readTimeoutMs;
    const options: PoolConfig & { target: Target } = {
      target,
      max: size,
      // Once open they stay: there is no timer that could close them.
      idleTimeoutMillis: 0,
      Client: RowClient,
    };
    this.#pool = new Pool(options);
    limit.govern(this.#pool, readTimeoutMs);
    servers.govern(this.#pool);
    // Whoever is waiting for an answer is told, and so is the next who asks.
    this.#pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * Runs one prepared statement.
   * @param name identifies the text: the same name always comes with the same text
   * @throws {StationmasterError} UNAVAILABLE when the answer takes too long; what it would have come over is closed then
   */
  query<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#run((client, done) => {
      client.query({ name, text, values: values as unknown[] }, (error: Error | null, result) => {
        done(error, error ? [] : (result.rows as Row[]));
      });
    });
  }

  /** The same, with the rows as the statement's `read` makes them. */
  readRows<Row>(statement: RowStatement<Row>): Promise<Row[]> {
    return this.#run((client, done) => client.readRows(statement, done));
  }

  #run<Row>(send: (client: RowClient, done: (error: Error | null, rows: Row[]) => void) => void): Promise<Row[]> {
    let taken: PoolClient | undefined;
    let isOver = false;
    // With callbacks, because what pg builds its promises from outlives the statement by some collections of garbage.
    const answered = new Promise<Row[]>((resolve, reject) => {
      this.#pool.connect((failure, client) => {
        if (failure || !client) return reject(failure);
        // A turn later: of many who gave up, each would hand the connection on to the next from within its own call.
        if (isOver) return void setImmediate(() => client.release());
        taken = client;
        send(client as PoolClient & RowClient, (error, rows) => {
          if (isOver) return;
          taken = undefined;
          client.release(error && !(error instanceof ColumnTypeError) ? error : undefined);
          if (error) reject(error);
          else {
            this.#answers += 1;
            resolve(rows);
          }
        });
      });
    });
    let answersBefore = this.#answers;
    let periods = 1;
    const onOver = () => {
      const isServed = this.#answers > answersBefore;
      if (!taken && isServed && periods < MAX_PERIODS && this.#limit.isReached(this.#pool)) {
        periods += 1;
        answersBefore = this.#answers;
        return true;
      }
      isOver = true;
      taken?.release(true);
      return false;
    };
    return withDeadline(answered, this.#readTimeoutMs, onOver);
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
