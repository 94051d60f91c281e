import { readFileSync } from 'node:fs';
import { engine, startTestApp, type TestApp } from '../support/test-app.ts';

/* What the metrics of the whole application tell about what really happens in it. */

const LIST = 'query Fleet { workstations(first: 3) { nodes { id name } } }';

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 3 } });
});

afterAll(() => testApp.close());

/** The value of a series, 0 if there is none. */
async function read(series: string): Promise<number> {
  const headers = { authorization: `Bearer ${await testApp.token('MONITOR')}` };
  const text = await (await fetch(`${testApp.app.url}/metrics`, { headers })).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

/** How much it rises while `work` runs. */
async function rise(series: string, work: () => Promise<unknown>): Promise<number> {
  const before = await read(series);
  await work();
  return (await read(series)) - before;
}

test('operations are counted by name, also those that are answered from the response cache', async () => {
  const asked = async () => {
    for (let count = 0; count < 4; count++) await testApp.ask(LIST);
  };
  expect(await rise('stationmaster_operation_duration_seconds_count{operation_name="Fleet"}', asked)).toBe(4);
});

test('no series comes twice, whatever clients call their operations', async () => {
  const names = ['anonymous', 'other', '__proto__', 'constructor', 'x'.repeat(64), 'x'.repeat(65)];
  for (const name of names) await testApp.ask(LIST.replace('Fleet', name));
  const headers = { authorization: `Bearer ${await testApp.token('MONITOR')}` };
  const text = await (await fetch(`${testApp.app.url}/metrics`, { headers })).text();
  const series = text.split('\n').flatMap((line) => /^(\w.*) \S+$/.exec(line)?.[1] ?? []);
  expect(series.length).toBeGreaterThan(100);
  expect(series).toEqual([...new Set(series)]);
});

test('each refusal is an error with its code, whether a resolver refuses or nothing is executed', async () => {
  const withoutToken = () => testApp.ask(LIST, { role: null });
  expect(await rise('stationmaster_errors_total{code="UNAUTHENTICATED"}', withoutToken)).toBe(1);
  const withBadToken = () =>
    fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
      body: JSON.stringify({ query: LIST }),
    });
  expect(await rise('stationmaster_errors_total{code="UNAUTHENTICATED"}', withBadToken)).toBe(1);
});

test('statements are measured: single reads and writes, and transactions of MikroORM', async () => {
  const reads = 'stationmaster_sql_duration_seconds_count{kind="read"}';
  const writes = 'stationmaster_sql_duration_seconds_count{kind="write"}';
  testApp.app.cache.clear();
  expect(await rise(reads, () => testApp.ask(LIST))).toBe(1);
  const create = `mutation { createManager(input: { name: "A", email: "${Date.now()}@fleet.example" }) { id } }`;
  expect(await rise(writes, () => testApp.ask(create))).toBeGreaterThan(0);
  const filter = '{ nameContains: "-", not: { status: [MAINTENANCE] } }';
  const bulk = `mutation { updateWorkstations(filter: ${filter}, input: { status: MAINTENANCE }) { changed } }`;
  expect(await rise(writes, () => testApp.ask(bulk))).toBeGreaterThan(0);
});

// The embedded database has no pools.
(engine === 'postgresql' ? test : test.skip)('waits for connections are measured', async () => {
  testApp.app.cache.clear();
  expect(await rise('stationmaster_sql_wait_seconds_count{pool="read"}', () => testApp.ask(LIST))).toBe(1);
});

test('changed rows are counted, and the lag of their events once for all who asked the same', async () => {
  const document = 'subscription { workstationChanged { kind id } }';
  const subscriptions = [await testApp.subscribe(document), await testApp.subscribe(document)];
  const change = async () => {
    await testApp.sql("update workstation set operating_system = 'changed'");
    for (const subscription of subscriptions) {
      for (let received = 0; received < 3; received++) await subscription.next();
    }
  };
  expect(await rise('stationmaster_changes_total', change)).toBe(3);
  expect(await rise('stationmaster_subscription_lag_seconds_count', change)).toBe(3);
  for (const subscription of subscriptions) await subscription.stop();
});

test('the build is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const labels = `version="${version}",node="${process.version}",commit=""`;
  expect(await read(`stationmaster_build_info{${labels}}`)).toBe(1);
});
