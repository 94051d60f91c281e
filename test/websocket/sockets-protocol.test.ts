import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Role } from '../../src/auth/identity.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const CHANGES = 'subscription { workstationChanged { kind id } }';
const ORIGIN = 'https://fleet.example';

let testApp: TestApp;
const sockets: RawSocket[] = [];

beforeAll(async () => {
  testApp = await startTestApp({
    env: {
      CORS_ORIGINS: ORIGIN,
      SOCKET_MAX_CONNECTIONS: '6',
      SOCKET_MAX_UNINITIALIZED: '4',
      SOCKET_MAX_SUBSCRIPTIONS: '3',
      SOCKET_INIT_TIMEOUT_SECONDS: '3',
    },
  });
});

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  await connectionsAre(0);
});

afterAll(() => testApp.close());

async function open(): Promise<RawSocket> {
  const socket = await RawSocket.open(testApp.app.url);
  sockets.push(socket);
  return socket;
}

async function openAs(role: Role): Promise<RawSocket> {
  const authorization = `Bearer ${await testApp.token(role)}`;
  const socket = await open();
  expect(await socket.initialize({ authorization })).toEqual({ type: 'connection_ack' });
  return socket;
}

async function figures(): Promise<{ activeConnections: number; activeSubscriptions: number }> {
  const { data } = await testApp.ask('{ performanceMetrics { websockets { activeConnections activeSubscriptions } } }');
  return data.performanceMetrics.websockets;
}

async function connectionsAre(count: number): Promise<void> {
  while ((await figures()).activeConnections !== count);
}

async function subscriptionsAre(count: number): Promise<void> {
  while ((await figures()).activeSubscriptions !== count);
}

/** Sends an upgrade request by hand. Returns the answer and the code of the close frame, if one follows. */
async function upgrade(headers: Record<string, string>): Promise<{ status: number; closeCode: number | null }> {
  const key = randomBytes(16).toString('base64');
  const asked = request(`${testApp.app.url}/graphql`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      ...headers,
    },
  }).end();
  const [response, connection, head] = await Promise.race([once(asked, 'upgrade'), once(asked, 'response')]);
  if (response.statusCode !== 101) {
    response.resume();
    return { status: response.statusCode, closeCode: null };
  }
  const accepted = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  expect(response.headers['sec-websocket-accept']).toBe(accepted);
  if (headers['sec-websocket-protocol'] === 'graphql-transport-ws') {
    connection.destroy();
    return { status: 101, closeCode: null };
  }
  const [frame] = head.length > 0 ? [head] : await once(connection, 'data');
  connection.destroy();
  expect(frame[0]).toBe(0x88);
  return { status: 101, closeCode: frame.readUInt16BE(2) };
}

describe('The close code', () => {
  test.each([
    ['what is not JSON', 'nonsense'],
    ['JSON without a type', '{}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['an unknown type', '{"type":"start"}'],
    ['a type that is no text', '{"type":1}'],
    ['a subscription without an id', '{"type":"subscribe","payload":{"query":"{ __typename }"}}'],
    ['a subscription with an empty id', '{"id":"","type":"subscribe","payload":{"query":"{ __typename }"}}'],
    ['a subscription without a query', '{"id":"a","type":"subscribe","payload":{}}'],
    ['variables that are a list', '{"id":"a","type":"subscribe","payload":{"query":"{ __typename }","variables":[]}}'],
    ['what only servers say', '{"id":"a","type":"next","payload":{}}'],
    ['an acknowledgement', '{"type":"connection_ack"}'],
  ])('4400 answers %s', async (_name, text) => {
    const socket = await openAs('VIEWER');
    socket.send(text);
    expect(await socket.closed).toEqual({ code: 4400, reason: 'Invalid message received' });
  });

  test('4401 answers a subscription before the connection is acknowledged', async () => {
    const socket = await open();
    socket.subscribe('a', CHANGES);
    expect((await socket.closed).code).toBe(4401);
  });

  test('4401 answers a bad token', async () => {
    const socket = await open();
    socket.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } });
    expect((await socket.closed).code).toBe(4401);
  });

  test('4403 comes when the token expires, and not before', async () => {
    const token = await testApp.token('VIEWER', 3);
    const socket = await open();
    await socket.initialize({ authorization: `Bearer ${token}` });
    expect(await socket.closed).toEqual({ code: 4403, reason: 'The token has expired.' });
    const { exp } = JSON.parse(String(Buffer.from(token.split('.')[1]!, 'base64url')));
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
  });

  test.each(['graphql-ws', 'graphql-transport-ws-2', 'mqtt, soap'])(
    '4406 answers the subprotocol %s',
    async (protocol) => {
      expect(await upgrade({ 'sec-websocket-protocol': protocol })).toEqual({ status: 101, closeCode: 4406 });
    },
  );

  test('4406 answers no subprotocol at all', async () => {
    expect(await upgrade({})).toEqual({ status: 101, closeCode: 4406 });
  });

  test('4408 answers silence, and messages other than connection_init', async () => {
    const [silent, chatty] = [await open(), await open()];
    const chatter = setInterval(() => chatty.send({ type: 'ping' }), 50);
    expect((await silent.closed).code).toBe(4408);
    expect((await chatty.closed).code).toBe(4408);
    clearInterval(chatter);
  });

  test('4409 answers an id that is in use', async () => {
    const socket = await openAs('VIEWER');
    socket.subscribe('a', CHANGES);
    socket.subscribe('a', CHANGES);
    expect((await socket.closed).code).toBe(4409);
  });

  test('4429 answers a second connection_init', async () => {
    const socket = await openAs('VIEWER');
    socket.send({ type: 'connection_init' });
    expect((await socket.closed).code).toBe(4429);
  });

  test('4429 answers a second connection_init that does not wait for the first', async () => {
    const socket = await open();
    const payload = { authorization: `Bearer ${await testApp.token('VIEWER')}` };
    socket.send({ type: 'connection_init', payload });
    socket.send({ type: 'connection_init', payload });
    expect((await socket.closed).code).toBe(4429);
  });

  test('1009 answers a message over 64 KiB', async () => {
    const socket = await openAs('VIEWER');
    socket.send(' '.repeat(64 * 1024 + 1));
    expect((await socket.closed).code).toBe(1009);
  });
});

describe('A conversation', () => {
  test('answers pings, with their payload, before and after the acknowledgement', async () => {
    const socket = await open();
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
    await socket.initialize({ authorization: `Bearer ${await testApp.token('VIEWER')}` });
    socket.send({ type: 'ping', payload: { at: 1 } });
    expect(await socket.next()).toEqual({ type: 'pong', payload: { at: 1 } });
    socket.send({ type: 'pong' });
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
  });

  test('completes a query with its answer', async () => {
    const socket = await openAs('VIEWER');
    socket.subscribe('a', '{ __typename }');
    expect(await socket.next()).toEqual({ id: 'a', type: 'next', payload: { data: { __typename: 'Query' } } });
    expect(await socket.next()).toEqual({ id: 'a', type: 'complete' });
  });

  test('reports an error for an operation that cannot be executed, and continues', async () => {
    const socket = await openAs('VIEWER');
    socket.subscribe('a', '{ nothing }');
    expect(await socket.next()).toMatchObject({ id: 'a', type: 'error', payload: [{ message: expect.any(String) }] });
    socket.subscribe('a', '{ __typename }');
    expect(await socket.next()).toMatchObject({ id: 'a', type: 'next' });
  });

  test('stops a subscription that the client completes, sends nothing more for it, and frees its id', async () => {
    const socket = await openAs('OPERATOR');
    socket.subscribe('a', CHANGES);
    await subscriptionsAre(1);
    socket.send({ id: 'a', type: 'complete' });
    await subscriptionsAre(0);
    await testApp.ask(`mutation { createWorkstation(input: {
      name: "unheard", hostname: "h", ipAddress: "::1", operatingSystem: "x" }) { id } }`);
    socket.subscribe('a', '{ __typename }');
    expect(await socket.next()).toMatchObject({ id: 'a', payload: { data: { __typename: 'Query' } } });
  });

  test('ignores a complete for an unknown operation', async () => {
    const socket = await openAs('VIEWER');
    socket.send({ id: 'unknown', type: 'complete' });
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
  });
});

describe('An upgrade', () => {
  const protocol = { 'sec-websocket-protocol': 'graphql-transport-ws' };

  test.each([
    ['the server’s own origin', () => testApp.app.url],
    ['a listed origin', () => ORIGIN],
  ])('is granted to %s', async (_name, origin) => {
    expect((await upgrade({ ...protocol, origin: origin() })).status).toBe(101);
  });

  test.each([
    'https://evil.example',
    'http://fleet.example',
    'https://fleet.example.evil.example',
    'https://fleet.example:444',
    'null',
    'nonsense',
  ])('is refused to the origin %s', async (origin) => {
    expect((await upgrade({ ...protocol, origin })).status).toBe(403);
  });
});

describe('The cap', () => {
  test('on connections refuses further ones, but only until one closes', async () => {
    const first = await openAs('VIEWER');
    for (let more = 0; more < 5; more++) await openAs('VIEWER');
    await expect(open()).rejects.toThrow('503');
    first.socket.close();
    await connectionsAre(5);
    await openAs('VIEWER');
  });

  test('on silent connections closes the oldest of them', async () => {
    const silent = [];
    for (let turn = 0; turn < 4; turn++) silent.push(await open());
    const order: number[] = [];
    silent.forEach(({ closed }, index) => void closed.then(() => order.push(index)));
    // A connection that sends connection_init is accepted and no longer counts as silent.
    await openAs('VIEWER');
    expect((await silent[0]!.closed).code).toBe(4408);
    expect(order).toEqual([0]);
  });

  test('on operations of a socket refuses each further one by id, but only until one has ended', async () => {
    const socket = await openAs('VIEWER');
    for (const id of ['a', 'b', 'c']) socket.subscribe(id, CHANGES);
    await subscriptionsAre(3);
    socket.subscribe('d', CHANGES);
    expect(await socket.next()).toMatchObject({
      id: 'd',
      type: 'error',
      payload: [{ message: 'A socket may run 3 operations at a time.', extensions: { code: 'RATE_LIMITED' } }],
    });
    socket.send({ id: 'a', type: 'complete' });
    socket.subscribe('d', '{ __typename }');
    expect(await socket.next()).toMatchObject({ id: 'd', type: 'next' });
  });
});
