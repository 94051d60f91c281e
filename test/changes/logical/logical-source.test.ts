import { Client } from 'pg';
import { decodeMessage } from '../../../src/changes/change.ts';
import { CHANNEL, createLogicalSource, createPostgresqlSource } from '../../../src/changes/index.ts';
import { openDatabase } from '../../../src/database/database.ts';
import { tablesOf } from '../../../src/database/followed-tables.ts';
import { migrate } from '../../../src/database/migrate.ts';
import { entities, migrations } from '../../../src/features/index.ts';
import {
  createCluster,
  DECODED,
  findPostgresqlPrograms,
  type PostgresqlCluster,
} from '../../support/postgresql-cluster.ts';
import { createEventQueue } from '../event-queue.ts';
import { describeSourceContract } from '../source-contract.ts';

const programs = await findPostgresqlPrograms();
const describeWithPrograms = programs && process.env.TEST_ENGINE === 'postgresql' ? describe : describe.skip;
const QUICK = { minBackoffMs: 1, maxBackoffMs: 3_600_000 };

const announce = (payload: string) => `pg_logical_emit_message(true, '${CHANNEL}', ${payload})`;
const insertManager = (email: string) => `insert into manager (name, email) values ('M', '${email}')`;

describeWithPrograms('on a PostgreSQL whose log is decoded', () => {
  let cluster: PostgresqlCluster;
  let admin: Client;
  let tables: readonly string[];
  let url: string;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    cluster = await createCluster(programs!, DECODED);
    url = cluster.url;
    const database = await openDatabase(
      { kind: 'postgresql', url, poolSize: 2, changeFeed: 'logical' },
      { entities, migrations },
    );
    await migrate(database);
    tables = tablesOf(database);
    await database.close();
    admin = await connect();
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  afterAll(async () => {
    await admin?.end();
    await cluster?.destroy();
  });

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  }

  async function openSession(): Promise<Client> {
    const session = await connect();
    closing.push(() => session.end());
    return session;
  }

  const createSource = (options: Partial<Parameters<typeof createLogicalSource>[0]> = {}) =>
    createLogicalSource({ connectionString: url, tables, ...QUICK, ...options });

  async function start(source: ReturnType<typeof createPostgresqlSource> = createSource()) {
    const events = createEventQueue();
    closing.push(() => source.close());
    await source.start(events.handlers);
    await events.nextOf('up');
    const next = async () => decodeMessage((await events.nextOf('payload')).payload);
    const nextChange = async () => {
      for (;;) {
        const message = await next();
        if (message.kind === 'changes' || message.kind === 'truncation') return message;
      }
    };
    return { source, events, next, nextChange };
  }

  describeSourceContract('logical', () => ({ createSource, execute: (sql) => admin.query(sql), announce }));

  test('announces what the triggers announce', async () => {
    const decoded = await start();
    const notified = await start(createPostgresqlSource({ connectionString: url, ...QUICK }));
    const row = "'W', 'w.example', '10.0.0.1', 'an \"OS\" \\ é', '{a,\"b c\"}', 'NaN'";
    for (const statement of [
      insertManager('same@fleet.example'),
      `insert into workstation (name, hostname, ip_address, operating_system, tags, cpu_usage) values (${row.replace(", 'NaN'", ', 12.5')})`,
      "update workstation set cpu_usage = 1e-7, manager_id = (select id from manager where email = 'same@fleet.example')",
      `update workstation set operating_system = repeat('x', 3000)`,
      'update workstation set status = status',
      'delete from workstation',
      'truncate agent_key, workstation cascade',
    ]) {
      await admin.query(statement);
      const [one, other] = [await decoded.nextChange(), await notified.nextChange()];
      const { at: _one, ...announced } = one;
      const { at: _other, ...expected } = other;
      expect(announced).toEqual(expected);
    }
  });

  test('announces the same whatever the URL says of how values are written', async () => {
    const odd = ['DateStyle=German', 'TimeZone=Asia/Tokyo', 'extra_float_digits=-9'];
    const search = new URLSearchParams({ options: odd.map((setting) => `-c ${setting}`).join(' ') });
    const decoded = await start(createSource({ connectionString: `${url}?${search}` }));
    const notified = await start(createPostgresqlSource({ connectionString: url, ...QUICK }));
    await admin.query(`insert into workstation (name, hostname, ip_address, operating_system, cpu_usage, last_seen_at)
      values ('W', 'odd.example', '10.0.0.2', 'OS', 12.3456789012345, '2026-02-01 23:30:00.5+00')`);
    const [one, other] = [await decoded.nextChange(), await notified.nextChange()];
    expect({ ...one, at: 0 }).toEqual({ ...other, at: 0 });
    await admin.query('delete from workstation');
  });

  /** The server's own processes read a setting some time after it was changed. Until then no commit waits for a standby. */
  async function untilCommitsWait(session: Client, isWaiting: () => Promise<boolean>, cancel: () => Promise<unknown>) {
    for (let hasWaited = false; !hasWaited; ) {
      let isOver = false;
      const committed = session.query('create table probe (); drop table probe').finally(() => {
        isOver = true;
      });
      while (!isOver && !hasWaited) hasWaited = await isWaiting();
      if (hasWaited) await cancel();
      await committed;
    }
  }

  test('hears of a change only once it is visible', async () => {
    const { events, next } = await start();
    const writer = await openSession();
    await admin.query("alter system set synchronous_standby_names = 'none_is_there'");
    await admin.query('select pg_reload_conf()');
    await admin.query('set synchronous_commit = local');
    const { rows } = await writer.query('select pg_backend_pid() as pid');
    const isWaiting = async () => {
      const find = "select from pg_stat_activity where wait_event = 'SyncRep' and pid = $1";
      return (await admin.query(find, [rows[0].pid])).rowCount === 1;
    };
    await untilCommitsWait(writer, isWaiting, () => admin.query('select pg_cancel_backend($1)', [rows[0].pid]));
    // It is decoded, and waits for a standby before others see it.
    const committed = writer.query(insertManager('invisible@fleet.example'));
    while (!(await isWaiting()));
    await admin.query(`select ${announce("'after it'")}`);
    await admin.query('select pg_sleep(0.3)');
    expect(events.unread).toEqual([]);
    const seen = await admin.query("select from manager where email = 'invisible@fleet.example'");
    expect(seen.rowCount).toBe(0);
    await admin.query('select pg_cancel_backend($1)', [rows[0].pid]);
    await committed;
    expect(await next()).toMatchObject({ kind: 'changes', changes: [{ op: 'INSERT' }] });
    expect(await next()).toMatchObject({ kind: 'mark' });
    expect((await events.nextOf('payload')).payload).toBe('after it');
    await admin.query('alter system reset synchronous_standby_names');
    await admin.query('select pg_reload_conf()');
    await admin.query('reset synchronous_commit');
  });

  test('is up once the transactions have ended that were writing, and says so meanwhile', async () => {
    const writer = await openSession();
    await writer.query(`begin; ${insertManager('slow@fleet.example')}`);
    const events = createEventQueue();
    const source = createSource({ patienceMs: 300 });
    closing.push(() => source.close());
    await source.start(events.handlers);
    expect(events.unread.map((event) => String('reason' in event && event.reason))).toEqual([
      expect.stringMatching(/^DatabaseRefusal: The replication slot waits for transactions/),
    ]);
    await writer.query('commit');
    await events.nextOf('up');
    await admin.query(`select ${announce("'heard'")}`);
    expect((await events.nextOf('payload')).payload).toBe('heard');
  });

  test('a slot that still waits blocks no close', async () => {
    const writer = await openSession();
    await writer.query(`begin; ${insertManager('slower@fleet.example')}`);
    const source = createSource({ patienceMs: 100 });
    await source.start(createEventQueue().handlers);
    await source.close();
    await writer.query('rollback');
  });

  test.each(['stationmaster-feed', 'stationmaster-decoding'])('a lost connection %s is a gap', async (name) => {
    const { events } = await start();
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]);
    await events.nextOf('down');
    await events.nextOf('up');
    await admin.query(`select ${announce("'again'")}`);
    expect((await events.nextOf('payload')).payload).toBe('again');
  });

  test('a table that is altered is announced with its new columns', async () => {
    const { nextChange } = await start();
    await admin.query(insertManager('altered@fleet.example'));
    await nextChange();
    await admin.query('alter table manager add column floor int default 4');
    await admin.query("update manager set name = 'N' where email = 'altered@fleet.example'");
    const message = await nextChange();
    expect(message).toMatchObject({ changes: [{ old: { name: 'M', floor: 4 }, new: { name: 'N', floor: 4 } }] });
    await admin.query('alter table manager drop column floor');
  });

  test('tables of another schema and messages with another prefix are not heard', async () => {
    const { events } = await start();
    await admin.query('create schema other; create table other.manager (id int primary key)');
    await admin.query('insert into other.manager values (1)');
    await admin.query("select pg_logical_emit_message(true, 'other', 'not this')");
    await admin.query(`select ${announce("'this'")}`);
    expect((await events.nextOf('payload')).payload).toBe('this');
    await admin.query('drop schema other cascade');
  });

  test('a publication that lacks a table, or has a filter, is made whole', async () => {
    for (const change of [
      'drop table manager',
      "set table manager where (name = 'M'), workstation",
      "set (publish = 'insert')",
    ]) {
      await admin.query(`alter publication stationmaster_public ${change}`);
      const { nextChange, source } = await start();
      await admin.query("update manager set name = 'of all' where email = 'altered@fleet.example'");
      expect(await nextChange()).toMatchObject({ kind: 'changes', changes: [{ new: { name: 'of all' } }] });
      await source.close();
    }
  });

  test('a restore, which notifies, is heard', async () => {
    const { events } = await start();
    await admin.query('refresh materialized view stationmaster_restored');
    expect((await events.nextOf('payload')).payload).toBe('{"restored":true}');
  });

  test('tells how much of its log the server keeps', async () => {
    const source = createSource({ heartbeatMs: 20 });
    await start(source);
    await admin.query(insertManager(`retained-${Date.now()}@fleet.example`));
    while (source.retainedBytes === 0) await admin.query('select 1');
    expect(source.retainedBytes).toBeLessThan(64 * 1024 * 1024);
    await source.close();
    expect(source.retainedBytes).toBe(0);
  });

  /** What the server knows of the connections that stream its log. */
  const findStreams = async (writtenTo = '0/0') =>
    (
      await admin.query<{ is_read: boolean; skew_s: number; reply_time: Date | null }>(
        `select least(write_lsn, flush_lsn, replay_lsn) >= $1::pg_lsn as is_read, reply_time,
           abs(extract(epoch from clock_timestamp() - reply_time))::float8 as skew_s
         from pg_stat_replication where application_name = 'stationmaster-decoding'`,
        [writtenTo],
      )
    ).rows;

  test('tells the server how far it has read, so that the log may be forgotten', async () => {
    const { nextChange } = await start();
    await admin.query(insertManager('read@fleet.example'));
    await nextChange();
    const writtenTo = (await admin.query('select pg_current_wal_lsn()::text as lsn')).rows[0].lsn;
    await admin.query(`select ${announce("'more'")}`);
    let streams = await findStreams(writtenTo);
    while (!streams[0]?.is_read) streams = await findStreams(writtenTo);
    expect(streams).toHaveLength(1);
    expect(streams[0]!.skew_s).toBeLessThan(60);
  });

  test('what arrives while a new connection is checked is told once it is up', async () => {
    const accept = async () => {
      await admin.query(`select ${announce("'early'")}`);
      const writtenTo = (await admin.query('select pg_current_wal_lsn()::text as lsn')).rows[0].lsn;
      while (!(await findStreams(writtenTo))[0]?.is_read);
    };
    const { events } = await start(createSource({ check: { accept, confirm: async () => {} } }));
    await admin.query(`select ${announce("'late'")}`);
    const received = [await events.nextOf('payload'), await events.nextOf('payload')];
    expect(received.map(({ payload }) => payload)).toEqual(['early', 'late']);
  });

  test('answers a server that asks whether it is still there', async () => {
    const search = new URLSearchParams({ options: '-c wal_sender_timeout=200ms' });
    const { events } = await start(createSource({ connectionString: `${url}?${search}` }));
    const answered = new Set<number>();
    while (answered.size < 4) {
      for (const { reply_time } of await findStreams()) if (reply_time) answered.add(reply_time.getTime());
    }
    expect(events.unread.filter(({ kind }) => kind !== 'payload')).toEqual([]);
  });

  test('leaves no slot behind', async () => {
    const { source } = await start();
    await source.close();
    while ((await admin.query('select from pg_replication_slots')).rowCount !== 0);
  });

  test('a role without rights is told what its owner has to run', async () => {
    await admin.query('drop publication stationmaster_public; create role reader login replication');
    const events = createEventQueue();
    const source = createSource({ connectionString: url.replace('postgres@', 'reader@') });
    closing.push(() => source.close());
    await source.start(events.handlers);
    expect(String((await events.nextOf('down')).reason)).toMatch(
      /^DatabaseRefusal: The role "reader" may not publish the tables\. Run as their owner: create publication "stationmaster_public" for table /,
    );
  });
});
