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
  /** Covers the wait for a connection and the wait for the answer. */
  readonly readTimeoutMs: number;
  readonly limit: ConnectionLimit;
  readonly servers: ServerWatch;
  /** Called when a wait for a connection is over. */
  readonly onWaited?: ((waitedMs: number) => void) | undefined;
}

/**
 * How many read timeouts a read may wait for a connection if the server grants fewer connections than the pool allows, as
 * long as the reads before it are answered.
 */
const MAX_PERIODS = 5;

/**
 * The connections for reads, separate from those that MikroORM uses for writes, so that writers waiting for locks do not
 * delay readers. Unlike a shared pool, it needs no timer per statement, check-out or return.
 */
export class ReadPool {
  readonly #pool: Pool;
  readonly #limit: ConnectionLimit;
  readonly #readTimeoutMs: number;
  /** The number of reads answered so far. */
  #answers = 0;

  constructor({ target, size, readTimeoutMs, limit, servers, onWaited }: ReadPoolOptions) {
    this.#limit = limit;
    this.#readTimeoutMs = readTimeoutMs;
    const options: PoolConfig & { target: Target } = {
      target,
      max: size,
      // Connections stay open: no timer closes them.
      idleTimeoutMillis: 0,
      Client: RowClient,
    };
    this.#pool = new Pool(options);
    limit.govern(this.#pool, readTimeoutMs, onWaited);
    servers.govern(this.#pool);
    // Errors are ignored here: pending and later statements report them.
    this.#pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}));
  }

  /** Whether all connections that are open are in use. */
  get isBusy(): boolean {
    const { idleCount, totalCount, waitingCount } = this.#pool;
    return waitingCount > 0 || (totalCount > 0 && idleCount === 0);
  }

  /**
   * Runs one prepared statement.
   * @param name identifies the text: the same name always comes with the same text
   * @throws {StationmasterError} UNAVAILABLE when the answer takes too long; its connection is then closed
   */
  query<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#run((client, done) => {
      client.query({ name, text, values: values as unknown[] }, (error: Error | null, result) => {
        done(error, error ? [] : (result.rows as Row[]));
      });
    });
  }

  /** Like `query`, but the statement's `read` converts each row. */
  readRows<Row>(statement: RowStatement<Row>): Promise<Row[]> {
    return this.#run((client, done) => client.readRows(statement, done));
  }

  #run<Row>(send: (client: RowClient, done: (error: Error | null, rows: Row[]) => void) => void): Promise<Row[]> {
    let taken: PoolClient | undefined;
    let isOver = false;
    // Callbacks, because the objects behind pg's promises survive the statement by several garbage collections.
    const answered = new Promise<Row[]>((resolve, reject) => {
      this.#pool.connect((failure, client) => {
        if (failure || !client) return reject(failure);
        // One turn later: otherwise, if many reads have given up, each would release the connection to the next recursively.
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
