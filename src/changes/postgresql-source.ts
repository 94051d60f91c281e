import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLimit } from '../database/connection/connection-limit.ts';
import {
  DatabaseClient,
  type DatabaseClientConfig,
  describeTarget,
  type Target,
} from '../database/connection/database-client.ts';
import type { Query } from '../database/query.ts';
import { backgroundWait, retryWithBackoff } from '../retry.ts';
import {
  ANY_ANSWER,
  CHANNEL,
  type ConnectionCheck,
  type NotificationHandlers,
  type NotificationSource,
} from './notification-source.ts';
import { shareTurns } from './shared-turns.ts';

export interface PostgresqlSourceOptions {
  readonly connectionString: string;
  /** The connection's name in `pg_stat_activity`. Default `stationmaster-feed`. */
  readonly applicationName?: string;
  /** More channels to listen to, beside that of the announcements. */
  readonly channels?: readonly string[];
  /** What to make sure of, beside that the connection answers. */
  readonly check?: ConnectionCheck;
  /** As in `Target`. */
  readonly onServer?: Target['onServer'];
  /** Milliseconds between two heartbeats. Default 1,000. */
  readonly heartbeatMs?: number;
  /** After how many unanswered heartbeats the connection counts as lost. Default 2. */
  readonly missedHeartbeats?: number;
  /** Bounds of the back-off between two attempts to connect, in milliseconds. Defaults 50 and 5,000. */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** Closes a connection of another kind, called when the server grants no more of them. */
  readonly makeRoom?: () => Promise<void>;
}

export interface PostgresqlSource extends NotificationSource {
  /**
   * Runs a statement on the connection that listens.
   * @throws {Error} when it is not connected, or PostgreSQL refuses the statement
   */
  readonly run: (text: string, values: readonly unknown[]) => Promise<void>;
}

export const MISSED_HEARTBEATS = 2;

interface Connection {
  readonly client: DatabaseClient;
  readonly query: Query;
  readonly lose: (reason: unknown) => void;
}

/** Sends each statement when the one before has been answered: a client of pg takes one at a time. */
function inTurn(client: DatabaseClient): Query {
  let last: Promise<unknown> = Promise.resolve();
  return (text, values) => {
    const answered = last.then(() => client.query(text, values));
    last = answered.catch(() => {});
    return answered;
  };
}

/**
 * Listens on a dedicated PostgreSQL connection, outside the pool.
 *
 * A heartbeat detects a half-open connection. A lost connection is replaced after a back-off (`retryWithBackoff`).
 */
export function createPostgresqlSource(options: PostgresqlSourceOptions): PostgresqlSource {
  const {
    connectionString,
    applicationName = 'stationmaster-feed',
    channels = [],
    check = ANY_ANSWER,
    onServer,
    heartbeatMs = 1000,
    missedHeartbeats = MISSED_HEARTBEATS,
    minBackoffMs = 50,
    maxBackoffMs = 5000,
    makeRoom = async () => {},
  } = options;
  // Longer than it takes to miss the heartbeats, whose error is clearer than that of a timeout.
  const answerTimeoutMs = (missedHeartbeats + 1) * heartbeatMs;
  const closing = new AbortController();
  const described = describeTarget(connectionString, {
    applicationName,
    connectTimeoutMs: answerTimeoutMs,
    settings: {
      // Instances are counted by it, so the URL has no say.
      application_name: applicationName,
      // It listens without a word for as long as it likes, and its heartbeats have a time limit of their own.
      idle_session_timeout: '0',
      statement_timeout: '0',
    },
  });
  const target: Target = { ...described, onServer };
  let current: Connection | undefined;
  let running: Promise<void> | undefined;

  /**
   * Connects and listens.
   * @throws the reason why the connection could not be opened, or was lost
   */
  async function listenOnce(
    handlers: NotificationHandlers,
    { onListening, onLasting }: { onListening(): void; onLasting(): void },
  ): Promise<never> {
    const client = new DatabaseClient({ target, query_timeout: answerTimeoutMs } as DatabaseClientConfig);
    const query = inTurn(client);
    const lost = new Promise<never>((_resolve, lose) => {
      current = { client, query, lose };
      client.on('error', lose);
      client.on('end', () => lose(new Error('The connection of the change feed ended.')));
    });
    // A payload may arrive in one packet with the answer to LISTEN, before `listen` resolves.
    const early: string[] = [];
    let deliver: NotificationHandlers['onPayload'] = (payload) => early.push(payload);
    const onWorked = shareTurns(() => client.stream);
    client.on('notification', ({ payload }) => {
      if (payload) deliver(payload);
      onWorked();
    });
    try {
      await Promise.race([listen(client, query), lost]);
      deliver = (payload) => handlers.onPayload(payload);
      handlers.onUp();
      early.forEach(deliver);
      onListening();
      return await Promise.race([lost, watch(client, query, onLasting)]);
    } finally {
      current = undefined;
      // It may be half-open, and no one there to say goodbye to.
      client.destroy();
    }
  }

  async function listen(client: DatabaseClient, query: Query): Promise<void> {
    await client.connect();
    await query([CHANNEL, ...channels].map((channel) => `listen ${channel}`).join(';'));
    // Once it listens, so that no change between the two is missed.
    await check.accept(query);
  }

  /** @throws {Error} when a heartbeat fails, or too many in a row are not answered */
  async function watch(client: DatabaseClient, query: Query, onLasting: () => void): Promise<never> {
    for (;;) {
      const pulse = check.confirm(query);
      let missed = 0;
      while ((await Promise.race([pulse, sleep(heartbeatMs, 'silent', { ref: false })])) === 'silent') {
        if (++missed >= missedHeartbeats) throw new Error(`The change feed missed ${missed} heartbeats.`);
      }
      await sleep(heartbeatMs, undefined, { ref: false });
      if (current?.client !== client) throw new Error('The connection of the change feed was replaced.');
      onLasting();
    }
  }

  async function keepListening(handlers: NotificationHandlers, onFirst: () => void): Promise<void> {
    // A connection that is given up at once, again and again, is not opened again at once.
    const attempt = (reset: () => void) => listenOnce(handlers, { onListening: onFirst, onLasting: reset });
    try {
      await retryWithBackoff(attempt, {
        backoff: { minMs: minBackoffMs, maxMs: maxBackoffMs },
        isTransient: () => !closing.signal.aborted,
        onRetry: (reason) => {
          if (isConnectionLimit(reason)) void makeRoom();
          handlers.onDown(reason);
          onFirst();
        },
        signal: closing.signal,
        wait: backgroundWait,
      });
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    }
  }

  async function run(text: string, values: readonly unknown[]): Promise<void> {
    if (!current) throw new Error('The change feed is not connected.');
    await current.query(text, [...values]);
  }

  return {
    run,
    start: (handlers) =>
      new Promise((resolve) => {
        // A source that is closed during its first attempt still resolves `start`.
        running = keepListening(handlers, resolve).finally(resolve);
      }),
    restart: (reason) => current?.lose(reason),
    notify: (payload) => run('select pg_notify($1, $2)', [CHANNEL, payload]),
    close: async () => {
      closing.abort();
      current?.lose(new Error('The change feed is closed.'));
      await running;
    },
  };
}
