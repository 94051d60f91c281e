import type { Role } from '../../src/auth/identity.ts';
import { MULTIPART, openStream, SSE } from '../support/result-stream.ts';
import {
  type Answer,
  startTestApp,
  type TestApp,
  type TestSocket,
  type TestSubscription,
} from '../support/test-app.ts';

const ONE = 'query One($id: ID!) @live(throttleMs: 100) { workstation(id: $id) { id hostname } }';
const PAGE = `query Page @live(throttleMs: 100) {
  workstations(first: 3, orderBy: { field: NAME, direction: ASC }) { totalCount nodes { name manager { name } } } }`;

let testApp: TestApp;
/** The kinds of the outcomes that a middleware saw. */
let outcomes: string[];
let made = 0;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({
    env: { RATE_LIMIT_PER_TOKEN: '100000' },
    middlewares: [
      async (_operation, next) => {
        const outcome = await next();
        outcomes.push(outcome.kind);
        return outcome;
      },
    ],
  });
});

beforeEach(async () => {
  outcomes = [];
  await testApp.sql('truncate workstation, manager cascade');
  for (const name of ['b', 'c', 'd', 'e']) await add(name);
});

afterEach(async () => {
  for (const socket of open.splice(0)) await socket.close();
});

afterAll(() => testApp.close());

const open: TestSocket[] = [];

async function connect(role: Role | null = 'VIEWER'): Promise<TestSocket> {
  const socket = await testApp.connect(role);
  open.push(socket);
  return socket;
}

async function live(document: string, variables?: object, role?: Role | null): Promise<TestSubscription> {
  return (await connect(role)).subscribe(document, variables as Record<string, unknown>);
}

async function add(name: string, managerId: string | null = null): Promise<string> {
  const [row] = await testApp.sql<{ id: string }>(
    `insert into workstation (name, hostname, ip_address, operating_system, manager_id)
      values ($1, 'h', '10.0.0.1', 'x', $2) returning id`,
    [name, managerId],
  );
  await testApp.waitUntilHeard();
  return row!.id;
}

const setHostname = (id: string, hostname: string) =>
  testApp.sql('update workstation set hostname = $1 where id = $2', [hostname, id]);

/** The first answer, or the error message that refuses the query. */
async function firstOf(subscription: TestSubscription): Promise<Answer> {
  return (await subscription.next().catch((errors) => ({ data: null, errors }))) as Answer;
}

async function hostnameIn(subscription: TestSubscription): Promise<string> {
  return (await subscription.next()).data!.workstation.hostname;
}

/** How often the server has executed a live query, or an event of a subscription. */
async function executions(): Promise<number> {
  const response = await fetch(`${testApp.app.url}/metrics`, {
    headers: { authorization: `Bearer ${await testApp.token('ADMIN')}` },
  });
  const counts = (await response.text()).matchAll(
    /^stationmaster_request_duration_seconds_count\{.*subscription.*\} (\d+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('A live query', () => {
  test('is answered at once, and again when a field changes', async () => {
    const id = await add('a');
    const answers = await live(ONE, { id });
    expect(await hostnameIn(answers)).toBe('h');
    await setHostname(id, 'changed');
    expect(await answers.next()).toEqual({ data: { workstation: { id, hostname: 'changed' } } });
    await setHostname(id, 'again');
    expect(await hostnameIn(answers)).toBe('again');
  });

  test('is not executed when another row changes', async () => {
    const [id, other] = [await add('a'), await add('z')];
    const answers = await live(ONE, { id });
    await answers.next();
    const before = await executions();
    for (const hostname of ['1', '2', '3']) await setHostname(other, hostname);
    await testApp.waitUntilHeard();
    await setHostname(id, 'changed');
    expect(await hostnameIn(answers)).toBe('changed');
    expect((await executions()) - before).toBe(1);
  });

  test('costs no SQL for a change that is announced with its row', async () => {
    const id = await add('a');
    const answers = await live(ONE, { id });
    await answers.next();
    const statements = await testApp.countStatements(async () => {
      await setHostname(id, 'changed');
      await answers.next();
    });
    // On PGlite the statement of the other program is not counted either.
    expect(statements).toBe(0);
  });

  test('shares its executions with all that are equal, on any socket', async () => {
    const id = await add('a');
    const all: TestSubscription[] = [];
    for (let count = 0; count < 10; count++) {
      const socket = await connect();
      for (let more = 0; more < 100; more++) all.push(socket.subscribe(ONE, { id }));
    }
    await Promise.all(all.map((answers) => answers.next()));
    const before = await executions();
    await setHostname(id, 'changed');
    expect(new Set(await Promise.all(all.map(hostnameIn)))).toEqual(new Set(['changed']));
    expect((await executions()) - before).toBe(1);
    const { websockets } = (await ask('{ performanceMetrics { websockets { activeSubscriptions } } }')).data
      .performanceMetrics;
    expect(websockets.activeSubscriptions).toBe(1000);
  });

  test('tells of a row that enters a page, and of the new count', async () => {
    const answers = await live(PAGE);
    const first = (await answers.next()).data!.workstations;
    expect(first.totalCount).toBe(4);
    expect(first.nodes.map(({ name }: { name: string }) => name)).toEqual(['b', 'c', 'd']);
    await add('a');
    const second = (await answers.next()).data!.workstations;
    expect(second.totalCount).toBe(5);
    expect(second.nodes.map(({ name }: { name: string }) => name)).toEqual(['a', 'b', 'c']);
  });

  test('tells of a row that enters or leaves a page at the end of the list', async () => {
    const answers = await live(PAGE.replace('first: 3', 'last: 2'));
    const next = async () => (await answers.next()).data!.workstations.nodes.map(({ name }: { name: string }) => name);
    expect(await next()).toEqual(['d', 'e']);
    await add('f');
    expect(await next()).toEqual(['e', 'f']);
    await testApp.sql("delete from workstation where name = 'e'");
    expect(await next()).toEqual(['d', 'f']);
  });

  test('tells of a change in a nested row', async () => {
    const [manager] = await testApp.sql<{ id: string }>(
      "insert into manager (name, email) values ('Ada', $1) returning id",
      [`ada${++made}@example.com`],
    );
    await add('a', manager!.id);
    const answers = await live(PAGE);
    expect((await answers.next()).data!.workstations.nodes[0]).toEqual({ name: 'a', manager: { name: 'Ada' } });
    await testApp.sql("update manager set name = 'Grace' where id = $1", [manager!.id]);
    expect((await answers.next()).data!.workstations.nodes[0]).toEqual({ name: 'a', manager: { name: 'Grace' } });
  });

  test('tells of a table that was emptied by TRUNCATE', async () => {
    const answers = await live(PAGE);
    await answers.next();
    await testApp.sql('truncate workstation');
    expect((await answers.next()).data).toEqual({ workstations: { totalCount: 0, nodes: [] } });
  });

  test('goes on after clearCache, which changes nothing', async () => {
    const id = await add('a');
    const answers = await live(ONE, { id });
    await answers.next();
    await ask('mutation { clearCache { entriesRemoved } }');
    await setHostname(id, 'changed');
    expect(await hostnameIn(answers)).toBe('changed');
  });

  test('shows a write of its own client that was answered before it started', async () => {
    const id = await add('a');
    const early = await live(ONE, { id });
    await early.next();
    for (const hostname of ['one', 'two', 'three']) {
      await ask(
        'mutation ($id: ID!, $hostname: String) { updateWorkstation(id: $id, input: { hostname: $hostname }) { id } }',
        {
          variables: { id, hostname },
        },
      );
      expect(await hostnameIn(await live(ONE, { id }))).toBe(hostname);
    }
  });

  test('is seen by middlewares when it starts', async () => {
    const answers = await live(PAGE);
    await answers.next();
    expect(outcomes).toEqual(['live']);
  });

  test('ends with its client, and counts as a subscription meanwhile', async () => {
    const { sockets } = testApp.app;
    const answers = await live(PAGE);
    await answers.next();
    expect(sockets().activeSubscriptions).toBe(1);
    await answers.stop();
    while (sockets().activeSubscriptions > 0) await ask('{ __typename }');
  });
});

describe('Over plain HTTP a live query', () => {
  test('is answered once', async () => {
    expect((await ask(PAGE)).data.workstations.totalCount).toBe(4);
  });

  test('leaves no response that a WebSocket would be given in its place', async () => {
    const id = await add('a');
    for (let count = 0; count < 2; count++) await ask(ONE, { variables: { id } });
    const answers = await live(ONE, { id });
    await answers.next();
    await setHostname(id, 'changed');
    expect(await hostnameIn(answers)).toBe('changed');
  });
});

describe.each([
  ['server-sent events', SSE],
  ["Apollo's multipart subscriptions", MULTIPART],
])('Over %s a live query', (_name, accept) => {
  test('is answered at once, and again when a field changes, and counts as a subscription', async () => {
    const id = await add('a');
    const authorization = `Bearer ${await testApp.token('VIEWER')}`;
    const body = { query: ONE, variables: { id } };
    const stream = await openStream(`${testApp.app.url}/graphql`, body, { accept, authorization });
    const hostname = async () => {
      const { data } = (await stream.next())!;
      return (data.payload ?? data).data.workstation.hostname;
    };
    expect(await hostname()).toBe('h');
    await setHostname(id, 'changed');
    expect(await hostname()).toBe('changed');
    expect(testApp.app.sockets()).toMatchObject({ activeConnections: 1, activeSubscriptions: 1 });
    stream.stop();
    while (testApp.app.sockets().activeConnections > 0) await ask('{ __typename }');
    expect(testApp.app.sockets().activeSubscriptions).toBe(0);
  });
});

describe('Refused is', () => {
  const overHttp = (document: string) => ask(document);
  const overSocket = async (document: string) => firstOf(await live(document, undefined, 'ADMIN'));

  describe.each([
    ['over HTTP', overHttp],
    ['over a WebSocket', overSocket],
  ])('%s', (_name, send) => {
    test('a root field that is not cacheable', async () => {
      const { errors } = await send('query @live { cacheStats { hits } }');
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      expect(errors![0]!.message).toMatch(/cacheable/);
    });

    test.each([99, 60_001, -1])('a throttle of %i ms', async (throttleMs) => {
      const { errors } = await send(`query @live(throttleMs: ${throttleMs}) { workstations { totalCount } }`);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'throttleMs' } }]);
    });

    test.each(['mutation @live { clearCache { entriesRemoved } }', 'subscription @live { workstationChanged { id } }'])(
      'the directive in %s',
      async (document) => {
        const { errors } = await send(document);
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
        expect(errors![0]!.message).toMatch(/"@live" may not be used on/);
      },
    );
  });

  test('a throttle in a variable that is out of range, or of the wrong type', async () => {
    const document = 'query ($ms: Int = 50) @live(throttleMs: $ms) { workstations { totalCount } }';
    expect((await firstOf(await live(document))).errors).toMatchObject([{ extensions: { field: 'throttleMs' } }]);
    expect((await firstOf(await live(document, { ms: 'soon' }))).errors).toMatchObject([
      { message: expect.stringContaining('$ms'), extensions: { code: 'BAD_USER_INPUT' } },
    ]);
    expect((await firstOf(await live(document, { ms: 100 }))).data.workstations).toEqual({ totalCount: 4 });
  });

  test.each([
    ['AGENT', 'FORBIDDEN'],
    [null, 'UNAUTHENTICATED'],
  ] as const)('one of role %s, with %s, and it ends', async (role, code) => {
    const answers = await live(PAGE, undefined, role);
    expect(await firstOf(answers)).toMatchObject({ data: null, errors: [{ extensions: { code } }] });
    expect(await answers.next()).toBeUndefined();
    expect(testApp.app.sockets().activeSubscriptions).toBe(0);
  });
});

test('A live query is made anew after a gap of the feed', async () => {
  const id = await add('a');
  const answers = await live(ONE, { id });
  await answers.next();
  testApp.app.cache.suspend();
  await setHostname(id, 'missed');
  await testApp.waitUntilHeard();
  const inGap = await live(ONE, { id });
  expect(await hostnameIn(inGap)).toBe('missed');
  testApp.app.feed.lose('a test');
  expect(await hostnameIn(answers)).toBe('missed');
});

test('A subscription over server-sent events goes on after Last-Event-ID', async () => {
  const authorization = `Bearer ${await testApp.token('VIEWER')}`;
  const body = { query: 'subscription { workstationChanged { kind position workstation { hostname } } }' };
  const url = `${testApp.app.url}/graphql`;
  const id = await add('a');
  const first = await openStream(url, body, { authorization });
  while (testApp.app.sockets().activeSubscriptions === 0) await ask('{ __typename }');
  await setHostname(id, 'seen');
  const { position } = (await first.next())!.data.data.workstationChanged;
  first.stop();
  await setHostname(id, 'missed');
  await testApp.waitUntilHeard();
  const second = await openStream(url, body, { authorization, 'last-event-id': position });
  expect((await second.next())!.data.data.workstationChanged.workstation.hostname).toBe('missed');
  await setHostname(id, 'new');
  const event = (await second.next())!;
  expect(event.data.data.workstationChanged.workstation.hostname).toBe('new');
  expect(event.id).toBe(event.data.data.workstationChanged.position);
  second.stop();
  while (testApp.app.sockets().activeSubscriptions > 0) await ask('{ __typename }');
});
