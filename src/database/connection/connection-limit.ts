import type { Pool, PoolClient } from 'pg';

/** Whether the server, or the pooler before it, opens no more connections: for this role, this database or at all. */
export function isConnectionLimit(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === TOO_MANY_CONNECTIONS || (typeof message === 'string' && POOLER_IS_FULL.test(message));
}

/** SQLSTATE */
const TOO_MANY_CONNECTIONS = '53300';
const POOLER_IS_FULL = /no more connections allowed|max_client_conn|max clients reached/i;

/** For so long nothing more is asked for than was granted. */
const REMEMBERED_MS = 5000;
/** Between two attempts of a pool that has no connection at all. */
const RETRY_MS = 50;

type OnConnect = (error: Error | undefined, client: PoolClient | undefined, done: (release?: unknown) => void) => void;

interface Governed {
  readonly pool: Pool;
  readonly open: Set<unknown>;
  /** What the pool may have where there is no limit. */
  readonly size: number;
  readonly connect: (callback: OnConnect) => void;
  growing: NodeJS.Timeout | undefined;
}

/**
 * Makes the pools of one process get along with fewer connections than they may have, where the server grants no more.
 *
 * Whoever asks for a connection that is refused waits for one that is open, within the deadline. A pool without any
 * takes the place of an idle connection of another one.
 */
export class ConnectionLimit {
  readonly #governed: Governed[] = [];

  /**
   * @param deadlineMs how long the pool goes on asking for one who waits
   * @param onWaited called when a wait for a connection is over, with its length
   */
  govern(pool: Pool, deadlineMs: number, onWaited: (waitedMs: number) => void = () => {}): void {
    const connect = pool.connect.bind(pool) as Governed['connect'];
    const governed: Governed = { pool, connect, open: new Set(), size: pool.options.max, growing: undefined };
    this.#governed.push(governed);
    pool.on('connect', (client) => {
      governed.open.add(client);
      // Others may have been refused while this one was on its way.
      pool.options.max = Math.max(pool.options.max, governed.open.size);
    });
    pool.on('remove', (client) => governed.open.delete(client));
    const attempt = (callback: OnConnect) => {
      const startedAtMs = performance.now();
      const onConnect: OnConnect = (error, client, done) => {
        onWaited(performance.now() - startedAtMs);
        callback(error, client, done);
      };
      this.#attempt(governed, onConnect, startedAtMs + deadlineMs);
    };
    pool.connect = ((callback?: OnConnect) => {
      if (callback) return attempt(callback);
      return new Promise<PoolClient>((resolve, reject) => {
        attempt((error, client) => (error ? reject(error) : resolve(client!)));
      });
    }) as Pool['connect'];
  }

  /** Whether the server recently granted the pool fewer connections than it may have. */
  isReached(pool: Pool): boolean {
    return this.#governed.some((governed) => governed.pool === pool && governed.growing !== undefined);
  }

  /** Closes an idle connection, if there is one to spare, so that another may be opened in its place. */
  async makeRoom(): Promise<void> {
    for (const governed of this.#governed) {
      if (governed.open.size > 1 && (await closeIdle(governed))) return;
    }
  }

  #attempt(governed: Governed, callback: OnConnect, untilMs: number): void {
    const { pool, open } = governed;
    governed.connect((error, client, done) => {
      if (!error || !isConnectionLimit(error) || pool.ending || performance.now() > untilMs) {
        callback(error, client, done);
        return;
      }
      shrink(governed);
      const again = () => this.#attempt(governed, callback, untilMs);
      if (open.size > 0) again();
      else this.#takeOver(governed).then(() => setTimeout(again, RETRY_MS * Math.random()));
    });
  }

  async #takeOver(needy: Governed): Promise<void> {
    for (const governed of this.#governed) {
      if (governed !== needy && (await closeIdle(governed))) return;
    }
  }
}

function shrink(governed: Governed): void {
  const { pool, open, size } = governed;
  pool.options.max = Math.max(1, open.size);
  governed.growing ??= setTimeout(() => {
    governed.growing = undefined;
    pool.options.max = size;
  }, REMEMBERED_MS).unref();
}

async function closeIdle(governed: Governed): Promise<boolean> {
  const { pool, open, connect } = governed;
  if (pool.idleCount === 0) return false;
  const client = await new Promise<PoolClient | undefined>((resolve) => {
    connect((_error, idle) => resolve(idle));
  });
  if (!client) return false;
  open.delete(client);
  shrink(governed);
  const closed = new Promise<void>((resolve) => {
    client.once('end', () => resolve());
  });
  client.release(true);
  await closed;
  return true;
}
