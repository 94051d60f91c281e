import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { CHANNEL, type NotificationHandlers, type NotificationSource } from './notification-source.ts';

export interface PostgresqlSourceOptions {
  readonly connectionString: string;
  /** What the connection calls itself in `pg_stat_activity`. Default `stationmaster-feed`. */
  readonly applicationName?: string;
  /** How often the connection is asked for a sign of life. Default 1,000. */
  readonly heartbeatMs?: number;
  /** How many signs may be missing before the connection counts as lost. Default 2. */
  readonly missedHeartbeats?: number;
  /** Bounds of the wait between two attempts to connect. Defaults 50 and 5,000. */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

/**
 * Listens on a PostgreSQL connection of its own, outside the pool.
 *
 * A heartbeat finds a connection that is half-open. Lost connections are opened again after a wait that doubles up to a
 * bound, with full jitter, so that many instances do not come back in step (Brooker, "Exponential Backoff And Jitter").
 */
export function createPostgresqlSource(options: PostgresqlSourceOptions): NotificationSource {
  const {
    connectionString,
    applicationName = 'stationmaster-feed',
    heartbeatMs = 1000,
    missedHeartbeats = 2,
    minBackoffMs = 50,
    maxBackoffMs = 5000,
  } = options;
  // Longer than it takes to miss the heartbeats, which say better what happened.
  const answerTimeoutMs = (missedHeartbeats + 1) * heartbeatMs;
  const closing = new AbortController();
  let current: { readonly client: Client; readonly lose: (reason: unknown) => void } | undefined;
  let running: Promise<void> | undefined;

  /**
   * Connects and listens.
   * @throws the reason why the connection could not be opened, or was lost
   */
  async function listenOnce(handlers: NotificationHandlers, onListening: () => void): Promise<never> {
    const client = new Client({
      connectionString,
      application_name: applicationName,
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
      keepAlive: true,
    });
    const lost = new Promise<never>((_resolve, lose) => {
      current = { client, lose };
      client.on('error', lose);
      client.on('end', () => lose(new Error('The connection of the change feed ended.')));
    });
    // A payload may come in one piece with the answer to LISTEN, before the wait for that is over.
    const early: string[] = [];
    let deliver: NotificationHandlers['onPayload'] = (payload) => early.push(payload);
    client.on('notification', ({ payload }) => {
      if (payload) deliver(payload);
    });
    try {
      await Promise.race([openChannel(client), lost]);
      deliver = (payload) => handlers.onPayload(payload);
      handlers.onUp();
      early.forEach(deliver);
      onListening();
      return await Promise.race([lost, watch(client)]);
    } finally {
      current = undefined;
      abandon(client);
    }
  }

  /** @throws {Error} when a heartbeat failed, or too many in a row went unanswered */
  async function watch(client: Client): Promise<never> {
    for (;;) {
      const pulse = client.query('select 1');
      let missed = 0;
      while ((await Promise.race([pulse, sleep(heartbeatMs, 'silent', { ref: false })])) === 'silent') {
        if (++missed >= missedHeartbeats) throw new Error(`The change feed missed ${missed} heartbeats.`);
      }
      await sleep(heartbeatMs, undefined, { ref: false });
      if (current?.client !== client) throw new Error('The connection of the change feed was given up.');
    }
  }

  async function keepListening(handlers: NotificationHandlers, onFirst: () => void): Promise<void> {
    let attempts = 0;
    while (!closing.signal.aborted) {
      const reason = await listenOnce(handlers, () => {
        attempts = 0;
        onFirst();
      }).catch((error) => error);
      if (closing.signal.aborted) return;
      handlers.onDown(reason);
      onFirst();
      const waitMs = Math.random() * Math.min(maxBackoffMs, minBackoffMs * 2 ** attempts++);
      await sleep(waitMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
    }
  }

  return {
    start: (handlers) =>
      new Promise((resolve) => {
        // A source that is closed before it was heard of does not leave its starter waiting.
        running = keepListening(handlers, resolve).finally(resolve);
      }),
    restart: (reason) => current?.lose(reason),
    notify: async (payload) => {
      if (!current) throw new Error('The change feed is not connected.');
      await current.client.query('select pg_notify($1, $2)', [CHANNEL, payload]);
    },
    close: async () => {
      closing.abort();
      current?.lose(new Error('The change feed is closed.'));
      await running;
    },
  };
}

async function openChannel(client: Client): Promise<void> {
  await client.connect();
  await client.query(`listen ${CHANNEL}`);
}

/** A connection that may be half-open is not asked to say goodbye: nobody might answer. */
function abandon(client: Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  stream.destroy();
}
