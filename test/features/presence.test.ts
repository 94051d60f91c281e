import { setImmediate } from 'node:timers/promises';
import { PRESENCE_PERIOD_MS, Presence } from '../../src/features/workstation/workstation.presence.ts';
import { engine } from '../../src/testing/test-database.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';

let testApp: TestApp;
let started: Presence[];

beforeAll(async () => {
  testApp = await startTestApp();
});

beforeEach(async () => {
  started = [];
  await testApp.sql('delete from workstation');
});

afterEach(async () => {
  for (const presence of started) await presence.stop();
});

afterAll(() => testApp.close());

/** Each call of the returned function lets the time for one look pass, and resolves after it. */
function startPresence() {
  const timers = createManualTimers();
  const errors: unknown[] = [];
  const { database } = testApp.app;
  const onError = (error: unknown) => void errors.push(error);
  const presence = new Presence({ database, offlineAfterSeconds: 90, timers, onError });
  started.push(presence);
  presence.start();
  const look = async () => {
    timers.advance(PRESENCE_PERIOD_MS);
    while (timers.pending === 0) await setImmediate();
    await testApp.waitUntilHeard();
    expect(errors).toEqual([]);
  };
  return { presence, look };
}

async function add(name: string, status: string, secondsAgo: number | null): Promise<string> {
  const [row] = await testApp.sql<{ id: string }>(
    `insert into workstation (name, hostname, ip_address, operating_system, status, last_seen_at)
      values ($1, 'h', '::1', 'x', $2, now() - make_interval(secs => $3)) returning id`,
    [name, status, secondsAgo],
  );
  await testApp.waitUntilHeard();
  return row!.id;
}

async function statuses(): Promise<Record<string, string>> {
  const { data } = await testApp.ask('{ workstations { nodes { name status } } }');
  return Object.fromEntries(data.workstations.nodes.map(({ name, status }: Record<string, string>) => [name, status]));
}

test('a machine that was not seen for longer than the limit becomes OFFLINE; others are left alone', async () => {
  await add('silent', 'ONLINE', 91);
  await add('silent and broken', 'ERROR', 100_000);
  await add('recent', 'ONLINE', 80);
  await add('in maintenance', 'MAINTENANCE', 100_000);
  await add('never seen', 'ONLINE', null);
  const left = { recent: 'ONLINE', 'in maintenance': 'MAINTENANCE', 'never seen': 'ONLINE' };
  expect(await statuses()).toEqual({ silent: 'ONLINE', 'silent and broken': 'ERROR', ...left });
  await startPresence().look();
  expect(await statuses()).toEqual({ silent: 'OFFLINE', 'silent and broken': 'OFFLINE', ...left });
});

test('subscribers hear of it, and version and updatedAt stay as they are', async () => {
  const id = await add('silent', 'ONLINE', 91);
  const read = async () => (await testApp.ask(`{ workstation(id: "${id}") { version updatedAt } }`)).data.workstation;
  const before = await read();
  const events = await testApp.subscribe('subscription { workstationChanged { id workstation { status } } }');
  await startPresence().look();
  expect((await events.next()).data!.workstationChanged).toEqual({ id, workstation: { status: 'OFFLINE' } });
  expect(await read()).toEqual(before);
  await events.stop();
});

test.each([
  ['OFFLINE', {}, 'ONLINE'],
  ['OFFLINE', { status: 'ERROR' }, 'ERROR'],
  ['OFFLINE', { status: 'OFFLINE' }, 'OFFLINE'],
  ['MAINTENANCE', {}, 'MAINTENANCE'],
  ['ERROR', {}, 'ERROR'],
])('a report of a machine that is %s, with %j, leaves it %s', async (status, reading, expected) => {
  const id = await add('it', status, 1000);
  const readings = [{ workstationId: id, cpuUsage: 1, ...reading }];
  const document = 'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }';
  await testApp.ask(document, { variables: { readings }, role: 'AGENT' });
  expect(await statuses()).toEqual({ it: expected });
});

test('a fleet that falls silent at once is written in pieces', async () => {
  await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system, status, last_seen_at)
    select n, 'h', '::1', 'x', 'ONLINE', '2020-01-01' from generate_series(1, 2500) n`);
  await testApp.waitUntilHeard();
  const { look } = startPresence();
  expect(await testApp.countStatements(look)).toBe(3);
  expect(await testApp.countStatements(look)).toBe(1);
  const { data } = await testApp.ask('{ workstations(filter: { status: [ONLINE] }) { totalCount } }');
  expect(data.workstations.totalCount).toBe(0);
});

(engine === 'postgresql' ? describe : describe.skip)('Of several instances', () => {
  const LOCKS = `select pid from pg_locks where locktype = 'advisory' and classid = 7239462 and granted
    and database = (select oid from pg_database where datname = current_database())`;

  test('one looks for silent machines, and another takes over when that one stops', async () => {
    const [one, two] = [startPresence(), startPresence()];
    await one.look();
    await add('a', 'ONLINE', 91);
    await two.look();
    expect(await statuses()).toEqual({ a: 'ONLINE' });
    await one.look();
    expect(await statuses()).toEqual({ a: 'OFFLINE' });
    await add('b', 'ONLINE', 91);
    await one.presence.stop();
    while ((await testApp.sql(LOCKS)).length > 0) await setImmediate();
    await two.look();
    expect(await statuses()).toEqual({ a: 'OFFLINE', b: 'OFFLINE' });
  });

  test('another takes over when the session of that one ends', async () => {
    const [one, two] = [startPresence(), startPresence()];
    await one.look();
    const [{ pid } = {}] = await testApp.sql(LOCKS);
    await testApp.sql('select pg_terminate_backend($1)', [pid]);
    while ((await testApp.sql(LOCKS)).length > 0) await setImmediate();
    await two.look();
    await add('a', 'ONLINE', 91);
    await two.look();
    expect(await statuses()).toEqual({ a: 'OFFLINE' });
    expect(await testApp.sql(LOCKS)).toHaveLength(1);
  });
});
