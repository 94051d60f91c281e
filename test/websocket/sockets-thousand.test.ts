import { RawSocket } from '../support/raw-socket.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const SOCKETS = 100;
const SUBSCRIPTIONS_EACH = 10;
const CHANGES = `subscription Follow($ids: [ID!]) { workstationChanged(ids: $ids) {
  kind id workstation { name status version manager { name } } } }`;

let testApp: TestApp;
const sockets: RawSocket[] = [];

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 3 } });
});

afterAll(async () => {
  for (const { socket } of sockets) socket.terminate();
  await testApp.close();
});

/** The number of executed subscription events, from the metrics. */
async function executedEvents(): Promise<number> {
  const authorization = `Bearer ${await testApp.token('ADMIN')}`;
  const response = await fetch(`${testApp.app.url}/metrics`, { headers: { authorization } });
  const lines = (await response.text()).split('\n');
  const counts = lines.filter((line) =>
    /^stationmaster_request_duration_seconds_count\{.*operation_type="subscription"/.test(line),
  );
  return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function subscriptionsAre(count: number): Promise<void> {
  const figure = '{ performanceMetrics { websockets { activeSubscriptions } } }';
  while ((await testApp.ask(figure)).data.performanceMetrics.websockets.activeSubscriptions !== count);
}

test('one change reaches a thousand subscribers after one execution, one SQL statement and one look at the feed', async () => {
  const followersBefore = testApp.app.feed.followers;
  // Each socket has its own token.
  for (let turn = 0; turn < SOCKETS; turn++) {
    const socket = await RawSocket.open(testApp.app.url);
    sockets.push(socket);
    await socket.initialize({ authorization: `Bearer ${await testApp.token('VIEWER', 3600 + turn)}` });
    for (let id = 0; id < SUBSCRIPTIONS_EACH; id++) socket.subscribe(String(id), CHANGES);
  }
  await subscriptionsAre(SOCKETS * SUBSCRIPTIONS_EACH);
  expect(testApp.app.feed.followers).toBe(followersBefore + 1);

  testApp.app.cache.clear();
  const before = await executedEvents();
  const messages: Record<string, any>[] = [];
  const statements = await testApp.countStatements(async () => {
    await testApp.sql(`update workstation set status = 'ERROR' where id = (select id from workstation
      where manager_id is not null order by id limit 1)`);
    for (const socket of sockets) {
      for (let id = 0; id < SUBSCRIPTIONS_EACH; id++) messages.push(await socket.next());
    }
  });

  expect((await executedEvents()) - before).toBe(1);
  // Only the manager is read; the announcement contains the workstation.
  expect(statements).toBe(1);
  const [{ payload }] = messages as [Record<string, any>];
  expect(payload.data.workstationChanged).toMatchObject({
    kind: 'UPDATED',
    workstation: { status: 'ERROR', version: 2, manager: { name: expect.any(String) } },
  });
  for (const message of messages) expect(message).toMatchObject({ type: 'next', payload });
  for (const socket of sockets) expect(socket.heard).toEqual([]);
});
