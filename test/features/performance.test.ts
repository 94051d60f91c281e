import { randomUUID } from 'node:crypto';
import type { App } from '../../src/app.ts';
import { startInstance } from '../support/instance.ts';
import { engine, startTestApp, type TestApp } from '../support/test-app.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';
import { expectRefusal } from './refusal.ts';

const SAMPLE = `timestamp hits misses evictions requests errors sqlStatements changes requestP50Ms requestP99Ms
  cacheSize cacheBytes memoryBytes activeConnections activeSubscriptions`;
const HISTORY = `query ($minutes: Int, $instanceId: ID) {
  performanceHistory(minutes: $minutes, instanceId: $instanceId) { ${SAMPLE} } }`;
const LIST = 'query Fleet { workstations(first: 4) { nodes { id name } } }';

describe('performanceHistory', () => {
  const timers = createManualTimers();
  let testApp: TestApp;

  beforeAll(async () => {
    testApp = await startTestApp({ fleet: { managers: 1, workstations: 4 }, timers });
  });

  afterAll(() => testApp.close());

  const historyOf = async (minutes?: number | null) =>
    (await testApp.ask(HISTORY, { variables: { minutes } })).data.performanceHistory;

  test('tells what happened in each five seconds', async () => {
    timers.advance(5000);
    for (let count = 0; count < 9; count++) await testApp.ask(LIST);
    await testApp.ask('{ workstation(id: "no id") { id } }');
    await testApp.ask(LIST, { role: null });
    await testApp.sql("update workstation set operating_system = 'x'");
    await testApp.waitUntilHeard();
    timers.advance(5000);
    timers.advance(5000);
    const [, busy, idle] = await historyOf();
    // Eleven operations, of which the one without a token was refused, and four changed rows.
    expect(busy).toMatchObject({ requests: 2.2, errors: 0.2, changes: 0.8, evictions: 0 });
    expect(busy.hits).toBeGreaterThanOrEqual(1.6);
    expect(busy.sqlStatements).toBeGreaterThan(0);
    expect(busy.requestP50Ms).toBeGreaterThan(0);
    expect(busy.requestP99Ms).toBeGreaterThanOrEqual(busy.requestP50Ms);
    expect(busy.memoryBytes).toBeGreaterThan(1e7);
    expect(Date.parse(idle.timestamp) - Date.parse(busy.timestamp)).toBe(5000);
    expect(idle).toMatchObject({ requests: 0, errors: 0, changes: 0, requestP50Ms: null, requestP99Ms: null });
    expect(idle).toMatchObject({ activeConnections: 0, activeSubscriptions: 0 });
  });

  test('reaches back 15 minutes, or as many as are asked for', async () => {
    for (let taken = 0; taken < 400; taken++) timers.advance(5000);
    expect(await historyOf()).toHaveLength(180);
    expect(await historyOf(null)).toHaveLength(180);
    expect(await historyOf(2)).toHaveLength(24);
    expect(await historyOf(60)).toHaveLength(403);
  });

  test.each([0, -1, 61])('refuses %i minutes', async (minutes) => {
    const answer = await testApp.ask(HISTORY, { variables: { minutes } });
    expectRefusal(answer, 'BAD_USER_INPUT', 'minutes');
    expect(answer.errors![0]!.message).toBe(`The history is that of the last 1 to 60 minutes; got ${minutes}.`);
  });

  test('is for admins, and not for monitors', async () => {
    expectRefusal(await testApp.ask(HISTORY, { role: 'MONITOR' }), 'FORBIDDEN');
  });

  test('knows the instance that answers by its id, and no other', async () => {
    const { data } = await testApp.ask('{ performanceMetrics { instanceId instances { latest { requests } } } }');
    const { instanceId, instances } = data.performanceMetrics;
    expect(instances).toEqual([{ latest: { requests: 0 } }]);
    const own = await testApp.ask(HISTORY, { variables: { minutes: 1, instanceId } });
    expect(own.data.performanceHistory).toHaveLength(12);
    for (const id of [randomUUID(), 'nobody', '', 'x'.repeat(60_000)]) {
      expectRefusal(await testApp.ask(HISTORY, { variables: { instanceId: id } }), 'NOT_FOUND', 'instanceId');
    }
  });
});

// The embedded database has one instance only.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('performanceHistory of another instance', () => {
  const timers = createManualTimers();
  let one: TestApp;
  let other: App;

  beforeAll(async () => {
    let databaseUrl = '';
    one = await startTestApp({
      connectThrough: async (url) => {
        databaseUrl = url.href;
        return url;
      },
    });
    other = await startInstance({ DATABASE_URL: databaseUrl }, { timers });
  });

  afterAll(async () => {
    await other.close();
    await one.close();
  });

  async function askOther(query: string, variables = {}) {
    const response = await fetch(`${other.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    return ((await response.json()) as { data: Record<string, unknown> }).data;
  }

  test('is the same, whichever is asked: an hour travels in parts', async () => {
    await askOther('{ __typename }');
    for (let taken = 0; taken < 720; taken++) timers.advance(5000);
    const { performanceMetrics } = await askOther('{ performanceMetrics { instanceId } }');
    const { instanceId } = performanceMetrics as { instanceId: string };
    const variables = { minutes: 60, instanceId };
    const own = await askOther(HISTORY, variables);
    expect(own.performanceHistory).toHaveLength(720);
    const { data } = await one.ask(HISTORY, { variables });
    expect(data).toEqual(own);
  });

  test('has its newest sample among the figures of all instances', async () => {
    const { data } = await one.ask('{ performanceMetrics { instances { latest { cacheSize memoryBytes } } } }');
    const latest = data.performanceMetrics.instances.map((instance: { latest: unknown }) => instance.latest);
    expect(latest).toContainEqual({ cacheSize: expect.any(Number), memoryBytes: expect.any(Number) });
  });
});
