import { engine } from '../../src/testing/test-database.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/* Echoes over a real database. */

let testApp: TestApp;

afterEach(() => testApp.close());

const findId = async () => (await testApp.sql<{ id: string }>('select id from workstation limit 1'))[0]!.id;
const read = async (id: string) =>
  (await testApp.ask(`{ workstation(id: "${id}") { operatingSystem } }`)).data.workstation.operatingSystem;

test('what was committed before a proof is asked for has been heard once the proof is there', async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 1 } });
  const id = await findId();
  for (const operatingSystem of ['one', 'two', 'three']) {
    await read(id);
    const text =
      'update workstation set operating_system = $2 where id = $1 returning pg_current_xact_id()::text as xid';
    const [row] = await testApp.sql<{ xid: string }>(text, [id, operatingSystem]);
    await testApp.app.feed.proveNow();
    expect(testApp.app.feed.hasHeard(row!.xid)).toBe(true);
    expect(await read(id)).toBe(operatingSystem);
  }
  expect(testApp.app.feed.gaps).toBe(0);
});

test('the statements of echoes are not counted as those of requests', async () => {
  testApp = await startTestApp();
  expect(await testApp.countStatements(() => testApp.app.feed.proveNow())).toBe(0);
});

// The embedded database runs one statement at a time.
const testOnServers = engine === 'postgresql' ? test : test.skip;

testOnServers('the feed hears itself while all connections for writes wait for a lock', async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 1 }, env: { DATABASE_POOL_SIZE: '1' } });
  const id = await findId();
  await testApp.sql('begin');
  await testApp.sql('select from workstation where id = $1 for update', [id]);
  const waiting = testApp.ask(`mutation { updateWorkstation(id: "${id}", input: { name: "waits" }) { name } }`);
  let waiters = 0;
  while (waiters === 0) {
    const text = `select count(*)::int as waiters from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    waiters = (await testApp.sql<{ waiters: number }>(text))[0]!.waiters;
  }
  await testApp.app.feed.proveNow();
  expect([testApp.app.feed.state, testApp.app.feed.gaps]).toEqual(['live', 0]);
  await testApp.sql('commit');
  expect(await waiting).toMatchObject({ data: { updateWorkstation: { name: 'waits' } } });
});
