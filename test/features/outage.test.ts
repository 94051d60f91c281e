import { engine } from '../../src/testing/test-database.ts';
import { type Proxy as DatabaseProxy, startProxy } from '../coherence/proxy.ts';
import { feedIs } from '../support/feed-is.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const LIST = '{ workstations(first: 5) { totalCount nodes { id name status } } }';
const CREATE = `mutation ($name: String!) { createWorkstation(input: {
  name: $name, hostname: "outage", ipAddress: "10.0.0.1", operatingSystem: "Linux" }) { id } }`;

async function readiness({ app }: TestApp): Promise<{ status: number; details: Record<string, unknown> }> {
  const response = await fetch(`${app.url}/readyz`);
  return {
    status: response.status,
    details: ((await response.json()) as { details: Record<string, unknown> }).details,
  };
}

// The embedded database runs in the process, so it cannot be lost without the process.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('while PostgreSQL', () => {
  let proxy: DatabaseProxy;
  let testApp: TestApp;

  beforeAll(async () => {
    testApp = await startTestApp({
      fleet: { managers: 2, workstations: 20 },
      patience: 1,
      connectThrough: async (url) => {
        proxy = await startProxy({ host: url.hostname, port: Number(url.port) });
        url.port = String(proxy.port);
        return url;
      },
    });
  });

  afterAll(async () => {
    await testApp.close();
    await proxy.close();
  });

  describe.each([
    ['is down', () => proxy.cut()],
    ['hangs', () => proxy.freeze('all')],
  ])('%s', (name, fail) => {
    let known: Awaited<ReturnType<TestApp['ask']>>;

    beforeAll(async () => {
      await feedIs(testApp, 'live');
      known = await testApp.ask(LIST);
      await testApp.ask(LIST);
      fail();
      await feedIs(testApp, 'gap');
    });

    afterAll(async () => {
      proxy.restore();
      await feedIs(testApp, 'live');
    });

    test('cached values are served, marked as stale and with no-store', async () => {
      const response = await fetch(`${testApp.app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await testApp.token('VIEWER')}` },
        body: JSON.stringify({ query: LIST }),
      });
      expect(await response.json()).toEqual({ ...known, extensions: { stale: true } });
      expect(response.headers.get('cache-control')).toBe('no-store');
    });

    test('values that are not cached are UNAVAILABLE', async () => {
      const { errors } = await testApp.ask('{ managers(first: 1) { nodes { id } } }');
      expect(errors).toEqual([expect.objectContaining({ extensions: { code: 'UNAVAILABLE' } })]);
    });

    test('mutations are UNAVAILABLE and leave nothing behind', async () => {
      const { errors } = await testApp.ask(CREATE, { variables: { name: `half-${name}` } });
      expect(errors).toEqual([
        expect.objectContaining({ extensions: expect.objectContaining({ code: 'UNAVAILABLE' }) }),
      ]);
      expect(await testApp.sql('select name from workstation where name like $1', ['half-%'])).toEqual([]);
    });

    test('the server is live, but not ready', async () => {
      expect((await fetch(`${testApp.app.url}/livez`)).status).toBe(200);
      expect(await readiness(testApp)).toMatchObject({ status: 503, details: { changeFeed: 'gap' } });
    });

    test('stale answers end after STALE_IF_ERROR_SECONDS', async () => {
      testApp.clock.advanceSeconds(60);
      const { errors } = await testApp.ask(LIST);
      expect(errors![0]!.extensions.code).toBe('UNAVAILABLE');
    });
  });

  test('is away nothing is missed: afterwards everything is fresh, and subscribers are told to refetch', async () => {
    await feedIs(testApp, 'live');
    const socket = await testApp.connect();
    const subscription = socket.subscribe('subscription { workstationChanged { kind id workstation { name } } }');
    const { nodes } = (await testApp.ask(LIST)).data.workstations;
    // A first event shows that the subscription is running.
    const first = subscription.next();
    while (testApp.app.feed.state === 'live' && (await nextOr(first, 'none')) === 'none') {
      await testApp.sql('update workstation set operating_system = operating_system where id = $1', [nodes[0].id]);
      await testApp.waitUntilHeard();
    }
    proxy.cut();
    await feedIs(testApp, 'gap');
    await testApp.sql('update workstation set name = $2 where id = $1', [nodes[0].id, 'renamed while nobody listened']);
    proxy.restore();
    await feedIs(testApp, 'live');
    expect((await testApp.ask(LIST)).data.workstations.nodes[0].name).toBe('renamed while nobody listened');
    await testApp.sql('delete from workstation where id = $1', [nodes[1].id]);
    const events = [];
    do events.push((await subscription.next()).data!.workstationChanged);
    while (events.at(-1).kind !== 'DELETED');
    expect(events.slice(-2)).toEqual([
      { kind: 'REFETCH', id: '*', workstation: null },
      { kind: 'DELETED', id: nodes[1].id, workstation: null },
    ]);
    await socket.close();
  });
});

/** The value of the promise if it has settled, otherwise `otherwise`. */
function nextOr<T, U>(promise: Promise<T>, otherwise: U): Promise<T | U> {
  return Promise.race([promise, Promise.resolve(otherwise)]);
}
