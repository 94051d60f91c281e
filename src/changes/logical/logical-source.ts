import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { announceSql } from '../../database/announce-sql.ts';
import { describeTarget, type Target } from '../../database/connection/database-client.ts';
import { refuse } from '../../database/lineage.ts';
import { preparePublication } from '../../database/publication.ts';
import type { Query } from '../../database/query.ts';
import { DatabaseRefusal } from '../../database/refusal.ts';
import { ANY_ANSWER, CHANNEL, type NotificationHandlers } from '../notification-source.ts';
import { createPostgresqlSource, type PostgresqlSource, type PostgresqlSourceOptions } from '../postgresql-source.ts';
import { Snapshot } from '../snapshot.ts';
import { Announcements } from './announcements.ts';
import { openReplicationStream, type ReplicationStream } from './replication-stream.ts';
import { VisibleOrder } from './visible-order.ts';

export interface LogicalSourceOptions extends PostgresqlSourceOptions {
  /** The tables whose changes are announced. */
  readonly tables: readonly string[];
  /** How long `start` waits for transactions that began before. Default 2,000 ms. */
  readonly patienceMs?: number;
}

export interface LogicalSource extends PostgresqlSource {
  /** How much of its log the server keeps for this source, in bytes, as of the last heartbeat. */
  readonly retainedBytes: number;
}

/** How every value is written, whatever the role, the database or the URL say. */
const TEXT_SETTINGS = {
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  idle_session_timeout: '0',
  statement_timeout: '0',
};
const APPLICATION_NAME = 'stationmaster-decoding';
const CONNECT_TIMEOUT_MS = 3000;
const POLL_MS = 50;
const PING_MS = 1000;
const NOTIFY = `select ${announceSql({ changeFeed: 'logical' }, '$1', '$2::text')}`;
/** Sent by NOTIFY at the end of a restore, and when the triggers are switched on or off. */
const RESTORED = '{"restored":true}';

/**
 * Hears of changes by logical decoding, over a temporary replication slot. The payloads are those that triggers send.
 *
 * There are two connections. One streams the log. The other has the heartbeats, asks which transactions are visible, and sends.
 * If either is lost, both are: the slot is gone then, and what is committed until the next one exists is not heard.
 */
export function createLogicalSource(options: LogicalSourceOptions): LogicalSource {
  const { connectionString, tables, channels = [], check = ANY_ANSWER, patienceMs = 2000 } = options;
  const prefixes = new Set([CHANNEL, ...channels]);
  const target = describeReplication(connectionString);
  let listening:
    | { readonly stream: ReplicationStream; readonly order: VisibleOrder; readonly slot: string }
    | undefined;
  let onUp = () => {};
  let deliver: NotificationHandlers['onPayload'] = () => {};
  let retainedBytes = 0;

  const leave = () => {
    listening?.order.close();
    listening?.stream.destroy();
    listening = undefined;
    retainedBytes = 0;
  };
  const source = createPostgresqlSource({
    ...options,
    channels: [],
    check: {
      accept: async (query) => {
        leave();
        await listen(query, await preparePublication(query, tables).catch(refuse));
        await check.accept(query);
      },
      confirm: async (query) => {
        await check.confirm(query);
        retainedBytes = await readRetained(query);
      },
    },
  });

  async function listen(query: Query, publication: string): Promise<void> {
    const early: string[] = [];
    deliver = (payload) => early.push(payload);
    const slot = `stationmaster_${randomUUID().replaceAll('-', '')}`;
    const stream = await openReplicationStream({
      target,
      slot,
      publication,
      onMessage: (message) => announcements.receive(message),
      onLost: (reason) => listening?.stream === stream && source.restart(reason),
    });
    const readSnapshot = () => snapshotOf(query);
    const order = new VisibleOrder(
      { readSnapshot, stream, deliver: (payload) => deliver(payload), onFailed: source.restart },
      await readSnapshot(),
    );
    const announcements = new Announcements({
      widen: order.widen,
      prefixes,
      onBegin: (xid) => order.begin(xid),
      onPayload: (payload) => order.push(payload),
    });
    listening = { stream, order, slot };
    await requireSameServer(query, stream);
    await whileAnswering(query, stream.createSlot());
    await untilAllEnded(query);
    await stream.start();
    onUp = () => {
      deliver = handlers.onPayload;
      early.forEach(deliver);
    };
  }

  async function readRetained(query: Query): Promise<number> {
    if (!listening) return 0;
    const { rows } = await query(RETAINED, [listening.slot]);
    return Number((rows as { bytes: string | null }[])[0]?.bytes ?? 0);
  }

  let handlers: NotificationHandlers;
  return {
    run: source.run,
    get retainedBytes() {
      return retainedBytes;
    },
    async start(given) {
      handlers = given;
      const started = source.start({
        // Triggers may be on for other instances. What they send comes over the stream as well.
        onPayload: (payload) => payload === RESTORED && given.onPayload(payload),
        onUp: () => {
          given.onUp();
          onUp();
        },
        onDown: (reason) => {
          leave();
          given.onDown(reason);
        },
      });
      const patience = sleep(patienceMs, 'late', { ref: false });
      if ((await Promise.race([started, patience])) === 'late' && listening) given.onDown(stillWaiting());
    },
    restart: source.restart,
    notify: (payload) => source.run(NOTIFY, [CHANNEL, payload]),
    async close() {
      leave();
      await source.close();
      leave();
    },
  };
}

/** The replication connection to the database that a URL names. */
export function describeReplication(url: string): Target {
  return describeTarget(url, {
    applicationName: APPLICATION_NAME,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    settings: { application_name: APPLICATION_NAME, ...TEXT_SETTINGS },
  });
}

const RETAINED = `select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text as bytes
  from pg_replication_slots where slot_name = $1`;

async function snapshotOf(query: Query): Promise<Snapshot> {
  const { rows } = await query('select pg_current_snapshot()::text as snapshot');
  return new Snapshot((rows as { snapshot: string }[])[0]!.snapshot);
}

/** @throws {Error} when the two connections lead to different servers, as behind a balancer */
async function requireSameServer(query: Query, stream: ReplicationStream): Promise<void> {
  const { rows } = await query('select extract(epoch from pg_postmaster_start_time())::text as server');
  if ((rows as { server: string }[])[0]!.server !== stream.server) {
    throw new Error('The replication connection leads to another server.');
  }
}

/** Waits for `work` as long as the other connection answers. */
async function whileAnswering(query: Query, work: Promise<void>): Promise<void> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  const ping = async () => {
    while (!isDone) {
      await Promise.race([done, sleep(PING_MS, undefined, { ref: false })]);
      await query('select 1');
    }
  };
  await Promise.race([done, ping().then(() => done)]);
}

/**
 * Waits until every transaction has ended that is writing now. One of them may be in the log already, before the slot, and become
 * visible only later: it would never be heard.
 */
async function untilAllEnded(query: Query): Promise<void> {
  const { rows } = await query('select pg_current_xact_id()::text as xid');
  const { xid } = (rows as { xid: string }[])[0]!;
  while (!(await snapshotOf(query)).isAfter(xid)) await sleep(POLL_MS, undefined, { ref: false });
}

function stillWaiting(): DatabaseRefusal {
  return new DatabaseRefusal(
    'The replication slot waits for transactions that began before it: end those that take long.',
  );
}
