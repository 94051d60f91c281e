import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Role } from '../../src/auth/identity.ts';
import {
  type Answer,
  startTestApp,
  type TestApp,
  type TestSocket,
  type TestSubscription,
} from '../support/test-app.ts';
import { readFleet, shown, WORKSTATION_FIELDS } from './fleet-oracle.ts';
import { expectRefusal } from './refusal.ts';

const CHANGES = `subscription ($ids: [ID!]) { workstationChanged(ids: $ids) {
  kind id changedAt workstation { ${WORKSTATION_FIELDS} } } }`;
const BRIEF =
  'subscription ($ids: [ID!]) { workstationChanged(ids: $ids) { kind id workstation { version cpuUsage } } }';
const METRICS = `subscription ($every: Int) { performanceMetricsUpdated(everySeconds: $every) {
  managers { count } websockets { activeConnections activeSubscriptions } timestamp } }`;
const SOCKETS = '{ performanceMetrics { websockets { activeConnections activeSubscriptions } } }';
const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/);

let testApp: TestApp;
let open: TestSocket[];
let made = 0;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 3, workstations: 6 } });
});

beforeEach(() => {
  open = [];
});

afterEach(async () => {
  for (const socket of open) await socket.close();
  await settledAt({ activeConnections: 0, activeSubscriptions: 0 });
});

afterAll(() => testApp.close());

async function connect(role: Role | null = 'VIEWER'): Promise<TestSocket> {
  const socket = await testApp.connect(role);
  open.push(socket);
  return socket;
}

async function socketCounts(): Promise<{ activeConnections: number; activeSubscriptions: number }> {
  return (await ask(SOCKETS)).data.performanceMetrics.websockets;
}

/** Resolves once the application reports these counts. Only the test's time limit ends the wait otherwise. */
async function settledAt(expected: Partial<Awaited<ReturnType<typeof socketCounts>>>): Promise<void> {
  for (;;) {
    const counts = await socketCounts();
    if (Object.entries(expected).every(([name, count]) => counts[name as keyof typeof counts] === count)) return;
  }
}

/** Subscribes, and resolves once the application listens for the subscription. */
async function subscribe(socket: TestSocket, document = CHANGES, variables = {}): Promise<TestSubscription> {
  const { activeSubscriptions } = await socketCounts();
  const subscription = socket.subscribe(document, variables);
  await settledAt({ activeSubscriptions: activeSubscriptions + 1 });
  return subscription;
}

async function nextChange(subscription: TestSubscription) {
  const { data, errors } = await subscription.next();
  expect(errors).toBeUndefined();
  return data!.workstationChanged;
}

/** The answer to a refused subscription, as an event or as an error message. */
async function refusalOf(subscription: TestSubscription): Promise<Answer> {
  return (await subscription.next().catch((errors) => ({ data: null, errors }))) as Answer;
}

/** Asserts that the socket and another subscription on it continue normally. */
async function expectToSurvive(socket: TestSocket, work: () => Promise<unknown>): Promise<void> {
  const changes = await subscribe(socket, BRIEF);
  await work();
  await settledAt({ activeConnections: 1, activeSubscriptions: 1 });
  const id = await addWorkstation();
  expect(await nextChange(changes)).toEqual({ kind: 'CREATED', id, workstation: { version: 1, cpuUsage: null } });
}

async function addWorkstation(managerId: string | null = null): Promise<string> {
  const [row] = await testApp.sql<{ id: string }>(
    `insert into workstation (name, hostname, ip_address, operating_system, manager_id)
      values ($1, 'h', '10.0.0.1', 'x', $2) returning id`,
    [`SUB-${++made}`, managerId],
  );
  await testApp.waitUntilHeard();
  return row!.id;
}

async function shownNow(id: string) {
  const fleet = await readFleet(testApp);
  return shown(fleet.workstations.find((row) => row.id === id)!, fleet);
}

describe('workstationChanged', () => {
  test('reports a workstation created, updated and deleted through the API', async () => {
    const changes = await subscribe(await connect());
    const { data } = await ask(`mutation { createWorkstation(input: {
      name: "SUB-${++made}", hostname: "h", ipAddress: "::1", operatingSystem: "x" }) { id } }`);
    const { id } = data.createWorkstation;
    const created = await shownNow(id);
    expect(await nextChange(changes)).toEqual({
      kind: 'CREATED',
      id,
      workstation: created,
      changedAt: created.updatedAt,
    });
    await ask('mutation ($id: ID!) { updateWorkstation(id: $id, input: { status: ERROR }) { id } }', {
      variables: { id },
    });
    const updated = await shownNow(id);
    expect(updated).toMatchObject({ status: 'ERROR', version: 2 });
    expect(await nextChange(changes)).toEqual({
      kind: 'UPDATED',
      id,
      workstation: updated,
      changedAt: updated.updatedAt,
    });
    await ask('mutation ($id: ID!) { deleteWorkstation(id: $id) }', { variables: { id } });
    expect(await nextChange(changes)).toEqual({ kind: 'DELETED', id, workstation: null, changedAt: TIME });
  });

  test('reports changes that another program makes with SQL, in commit order', async () => {
    const changes = await subscribe(await connect());
    const id = await addWorkstation();
    const created = await shownNow(id);
    await testApp.sql('update workstation set cpu_usage = 12.5 where id = $1', [id]);
    const updated = await shownNow(id);
    await testApp.sql('begin');
    await testApp.sql('delete from workstation where id = $1', [id]);
    await testApp.sql('commit');
    expect([await nextChange(changes), await nextChange(changes), await nextChange(changes)]).toEqual([
      { kind: 'CREATED', id, workstation: created, changedAt: created.updatedAt },
      // What machines report does not change `updatedAt`.
      { kind: 'UPDATED', id, workstation: updated, changedAt: TIME },
      { kind: 'DELETED', id, workstation: null, changedAt: TIME },
    ]);
  });

  test('reports telemetry', async () => {
    const id = await addWorkstation();
    const changes = await subscribe(await connect());
    await ask('mutation ($r: [TelemetryReading!]!) { reportTelemetry(readings: $r) { stored } }', {
      variables: { r: [{ workstationId: id, cpuUsage: 64 }] },
      role: 'AGENT',
    });
    expect(await nextChange(changes)).toMatchObject({
      kind: 'UPDATED',
      id,
      workstation: { cpuUsage: 64, lastSeenAt: TIME },
    });
  });

  test('reports every row of one statement once', async () => {
    const ids = [await addWorkstation(), await addWorkstation(), await addWorkstation()];
    const changes = await subscribe(await connect());
    await testApp.sql('update workstation set cpu_usage = 1 where id = any($1::uuid[])', [ids]);
    await testApp.sql('delete from workstation where id = any($1::uuid[])', [ids]);
    const events = [];
    for (let turn = 0; turn < 6; turn++) events.push(await nextChange(changes));
    expect(events.map(({ kind }) => kind)).toEqual([...Array(3).fill('UPDATED'), ...Array(3).fill('DELETED')]);
    for (const half of [events.slice(0, 3), events.slice(3)]) {
      expect(new Set(half.map(({ id }) => id))).toEqual(new Set(ids));
    }
  });

  test('reports every version of a workstation that changes quickly, in order', async () => {
    const id = await addWorkstation();
    const changes = await subscribe(await connect(), BRIEF);
    const updates = Array.from({ length: 40 }, (_, turn) =>
      ask(`mutation ($id: ID!) { updateWorkstation(id: $id, input: { operatingSystem: "x${turn}" }) { id } }`, {
        variables: { id },
      }),
    );
    // On a busy machine a write may be refused for lack of a connection; no other write may be missed.
    const stored = (await Promise.all(updates)).filter(({ errors }) => errors === undefined).length;
    expect(stored).toBeGreaterThan(1);
    for (let version = 2; version <= stored + 1; version++) {
      expect(await nextChange(changes)).toEqual({ kind: 'UPDATED', id, workstation: { version, cpuUsage: null } });
    }
  });

  test('reports nothing that was rolled back', async () => {
    const id = await addWorkstation();
    const changes = await subscribe(await connect(), BRIEF);
    for (const statement of ['begin', 'update workstation set cpu_usage = 99', 'delete from workstation', 'rollback']) {
      await testApp.sql(statement);
    }
    await testApp.sql('update workstation set cpu_usage = 3 where id = $1', [id]);
    expect(await nextChange(changes)).toEqual({ kind: 'UPDATED', id, workstation: { version: 1, cpuUsage: 3 } });
  });

  test('with ids reports only these workstations, with ids in any letter case', async () => {
    const [wanted, other] = [await addWorkstation(), await addWorkstation()];
    const changes = await subscribe(await connect(), BRIEF, { ids: [wanted.toUpperCase(), 'nonsense'] });
    await testApp.sql('update workstation set cpu_usage = 1 where id = $1', [other]);
    await testApp.sql('update workstation set cpu_usage = 2 where id = any($1::uuid[])', [[other, wanted]]);
    await testApp.sql('delete from workstation where id = $1', [other]);
    await testApp.sql('delete from workstation where id = $1', [wanted]);
    expect(await nextChange(changes)).toEqual({
      kind: 'UPDATED',
      id: wanted,
      workstation: { version: 1, cpuUsage: 2 },
    });
    expect(await nextChange(changes)).toEqual({ kind: 'DELETED', id: wanted, workstation: null });
  });

  test('shows the current state of the manager', async () => {
    const [{ id: managerId } = {}] = await testApp.sql(
      `insert into manager (name, email) values ('Before', 'sub@fleet.example') returning id`,
    );
    const id = await addWorkstation(managerId);
    await ask(`{ workstation(id: "${id}") { manager { name } } }`);
    const changes = await subscribe(await connect());
    await testApp.sql(`update manager set name = 'After' where id = $1`, [managerId]);
    await testApp.sql('update workstation set cpu_usage = 1 where id = $1', [id]);
    expect((await nextChange(changes)).workstation.manager).toEqual({ id: managerId, name: 'After' });
    await ask('mutation ($id: ID!) { deleteManager(id: $id) }', { variables: { id: managerId } });
    expect(await nextChange(changes)).toMatchObject({
      kind: 'UPDATED',
      id,
      workstation: { manager: null, version: 2 },
    });
  });

  test('is never ahead of a query', async () => {
    const id = await addWorkstation();
    const changes = await subscribe(await connect(), BRIEF);
    const read = () => ask(`{ workstation(id: "${id}") { version cpuUsage } }`);
    for (let turn = 1; turn <= 10; turn++) {
      await read();
      await testApp.sql('update workstation set cpu_usage = $2 where id = $1', [id, turn]);
      expect((await nextChange(changes)).workstation).toEqual((await read()).data.workstation);
    }
  });

  test('reads a row too big to be announced', async () => {
    const id = await addWorkstation();
    const changes = await subscribe(await connect());
    await testApp.sql(`update workstation set operating_system = repeat('x', 9000) where id = $1`, [id]);
    const updated = await shownNow(id);
    expect(await nextChange(changes)).toEqual({
      kind: 'UPDATED',
      id,
      workstation: updated,
      changedAt: TIME,
    });
    await testApp.sql('delete from workstation where id = $1', [id]);
    expect(await nextChange(changes)).toEqual({ kind: 'DELETED', id, workstation: null, changedAt: TIME });
  });

  test('sends every subscriber the same events, on one socket or on two', async () => {
    const [one, two] = [await connect(), await connect('OPERATOR')];
    const subscriptions = [await subscribe(one, BRIEF), await subscribe(one, BRIEF), await subscribe(two, BRIEF)];
    const id = await addWorkstation();
    await testApp.sql('update workstation set cpu_usage = 5 where id = $1', [id]);
    for (const changes of subscriptions) {
      expect(await nextChange(changes)).toEqual({ kind: 'CREATED', id, workstation: { version: 1, cpuUsage: null } });
      expect(await nextChange(changes)).toEqual({ kind: 'UPDATED', id, workstation: { version: 1, cpuUsage: 5 } });
    }
    await subscriptions[0]!.stop();
    await settledAt({ activeConnections: 2, activeSubscriptions: 2 });
    await testApp.sql('update workstation set cpu_usage = 6 where id = $1', [id]);
    for (const changes of subscriptions.slice(1)) {
      expect((await nextChange(changes)).workstation).toEqual({ version: 1, cpuUsage: 6 });
    }
  });
});

describe('performanceMetricsUpdated', () => {
  test('sends the first figures at once and the next ones after the period', async () => {
    const metrics = (await connect('ADMIN')).subscribe(METRICS, { every: 1 });
    const figures = { managers: { count: expect.any(Number) }, timestamp: TIME };
    const websockets = { activeConnections: 1, activeSubscriptions: 1 };
    const first = await metrics.next();
    expect(first).toEqual({ data: { performanceMetricsUpdated: { ...figures, websockets } } });
    const second = await metrics.next();
    expect(second).toEqual({ data: { performanceMetricsUpdated: { ...figures, websockets } } });
    expect(second.data!.performanceMetricsUpdated.timestamp > first.data!.performanceMetricsUpdated.timestamp).toBe(
      true,
    );
  });

  test.each([null, undefined, 1, 3600])('accepts a period of %p', async (every) => {
    const { data } = await (await connect('ADMIN')).subscribe(METRICS, { every }).next();
    expect(data!.performanceMetricsUpdated.websockets.activeSubscriptions).toBe(1);
  });

  test.each([0, -5, 3601, 4000, 2147483647])('refuses a period of %i seconds', async (every) => {
    const socket = await connect('ADMIN');
    await expectToSurvive(socket, async () => {
      expectRefusal(await refusalOf(socket.subscribe(METRICS, { every })), 'BAD_USER_INPUT', 'everySeconds');
    });
  });
});

describe('Authorization of subscriptions', () => {
  test.each([
    [null, 'UNAUTHENTICATED', 'UNAUTHENTICATED'],
    ['AGENT', 'FORBIDDEN', 'FORBIDDEN'],
    ['VIEWER', null, 'FORBIDDEN'],
    ['OPERATOR', null, 'FORBIDDEN'],
    ['ADMIN', null, null],
  ] as const)(
    '%s: workstationChanged %p, performanceMetricsUpdated %p',
    async (role, changesRefused, metricsRefused) => {
      const socket = await connect(role);
      if (changesRefused) expectRefusal(await refusalOf(socket.subscribe(CHANGES)), changesRefused);
      else await subscribe(socket, CHANGES);
      if (metricsRefused) expectRefusal(await refusalOf(socket.subscribe(METRICS)), metricsRefused);
      else expect((await socket.subscribe(METRICS).next()).errors).toBeUndefined();
      const running = [changesRefused, metricsRefused].filter((refused) => refused === null).length;
      await settledAt({ activeSubscriptions: running });
    },
  );

  test.each([
    ['an expired token', () => testApp.token('ADMIN', -60)],
    ['no token at all but a word', async () => 'please'],
  ])('a socket with %s is closed with 4401', async (_name, makeToken) => {
    const token = await makeToken();
    const client = createClient({
      url: `${testApp.app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
    });
    const attempt = client.iterate({ query: CHANGES }).next();
    await expect(attempt).rejects.toMatchObject({ code: 4401, reason: expect.stringMatching(/token/i) });
    await client.dispose();
  });
});

describe('Invalid subscriptions:', () => {
  test.each([
    ['a syntax error', 'subscription { workstationChanged { ', {}, undefined],
    ['an unknown subscription', 'subscription { deskChanged { id } }', {}, undefined],
    ['an unknown field', 'subscription { workstationChanged { colour } }', {}, undefined],
    ['an unknown argument', 'subscription { workstationChanged(id: "x") { id } }', {}, undefined],
    ['no fields', 'subscription { workstationChanged }', {}, undefined],
    [
      'two subscriptions in one',
      'subscription { a: workstationChanged { id } b: workstationChanged { id } }',
      {},
      undefined,
    ],
    [
      'a root that depends on a variable',
      'subscription ($yes: Boolean!) { workstationChanged @include(if: $yes) { id } }',
      { yes: true },
      undefined,
    ],
    ['an id that is none', CHANGES, { ids: [{ id: 1 }] }, 'ids[0]'],
    ['ids that hold null', CHANGES, { ids: [null] }, 'ids[0]'],
    ['a period that is no number', METRICS, { every: 'second' }, 'every'],
    ['a period in parts of a second', METRICS, { every: 0.5 }, 'every'],
  ])('%s is answered with an error, and the socket stays open', async (_name, document, variables, field) => {
    const socket = await connect('ADMIN');
    await expectToSurvive(socket, async () => {
      expectRefusal(await refusalOf(socket.subscribe(document, variables)), 'BAD_USER_INPUT', field);
    });
  });
});

describe('The figures of sockets', () => {
  test('rise with each socket and subscription, and fall when they end in good order', async () => {
    const [one, two] = [await connect(), await connect()];
    const first = await subscribe(one);
    await settledAt({ activeConnections: 1, activeSubscriptions: 1 });
    await subscribe(two);
    await subscribe(two, BRIEF);
    await settledAt({ activeConnections: 2, activeSubscriptions: 3 });
    await two.close();
    await settledAt({ activeConnections: 1, activeSubscriptions: 1 });
    // The client closes a socket without subscriptions.
    await first.stop();
    await settledAt({ activeConnections: 0, activeSubscriptions: 0 });
  });

  test('fall when a connection is cut', async () => {
    const socket = await connect();
    const connected = new Promise<WebSocket>((resolve) => {
      socket.client.on('connected', (connection) => resolve(connection as WebSocket));
    });
    const subscriptions = [await subscribe(socket), await subscribe(socket, BRIEF)];
    const lost = subscriptions.map((subscription) => subscription.next().catch(() => 'lost'));
    (await connected).terminate();
    expect(await Promise.all(lost)).toEqual(['lost', 'lost']);
    await settledAt({ activeConnections: 0, activeSubscriptions: 0 });
    // A change without subscribers breaks nothing.
    await addWorkstation();
  });
});

test('queries and mutations work over a socket too, and see each other', async () => {
  const socket = await connect('OPERATOR');
  const id = await addWorkstation();
  const once = async (document: string) => (await socket.subscribe(document, { id }).next()).data;
  const read = 'query ($id: ID!) { workstation(id: $id) { status } }';
  expect(await once(read)).toEqual({ workstation: { status: 'OFFLINE' } });
  const write = 'mutation ($id: ID!) { updateWorkstation(id: $id, input: { status: ONLINE }) { status } }';
  expect(await once(write)).toEqual({ updateWorkstation: { status: 'ONLINE' } });
  expect(await once(read)).toEqual({ workstation: { status: 'ONLINE' } });
});
