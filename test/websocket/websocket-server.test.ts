import { once } from 'node:events';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import {
  EXPIRING_TOKEN_MS,
  LASTING_TOKEN_MS,
  type StubServer,
  startStubServer,
  stopStubServers,
  until,
} from '../support/stub-server.ts';

const PROTOCOL = 'graphql-transport-ws';

const clients: Client[] = [];
const sockets: WebSocket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  for (const socket of sockets.splice(0)) socket.terminate();
  await stopStubServers();
});

function socketUrl({ url }: StubServer): string {
  return `${url.replace('http', 'ws')}/graphql`;
}

/** A client like those of front-ends. `iterate` throws when its socket ends with an error. */
function connect(server: StubServer, connectionParams: Record<string, unknown> = {}): Client {
  const url = socketUrl(server);
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, lazy: true });
  clients.push(client);
  return client;
}

/** A bare socket, for messages that no client would send. */
async function open(server: StubServer, options: object = {}): Promise<WebSocket> {
  const socket = new WebSocket(socketUrl(server), PROTOCOL, options);
  sockets.push(socket);
  await once(socket, 'open');
  return socket;
}

async function nextMessage(socket: WebSocket): Promise<Record<string, unknown>> {
  const [data] = await once(socket, 'message');
  return JSON.parse(String(data));
}

async function closeOf(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(socket, 'close');
  return { code, reason: String(reason) };
}

async function initialize(socket: WebSocket, payload: object = {}): Promise<void> {
  const acknowledged = nextMessage(socket);
  socket.send(JSON.stringify({ type: 'connection_init', payload }));
  expect(await acknowledged).toEqual({ type: 'connection_ack' });
}

function subscribe(socket: WebSocket, id: string, query: string): void {
  socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }));
}

async function first(client: Client, query: string): Promise<unknown> {
  for await (const result of client.iterate({ query })) return result;
  throw new Error('There was no result.');
}

/** Subscribes to `ticks` and waits until the server listens to its source. */
async function subscribeToTicks(server: StubServer, client: Client, query = 'subscription { ticks { value } }') {
  const known = server.channels.length;
  const events = client.iterate({ query });
  const next = () => events.next().then(({ value }) => value);
  const firstEvent = next();
  firstEvent.catch(() => {});
  await until(() => server.channels.length > known);
  return { channel: server.channels[known]!, events, firstEvent, next };
}

describe('an operation over a WebSocket', () => {
  test('is answered for the subject of the token', async () => {
    const server = await startStubServer();
    const client = connect(server, { authorization: 'Bearer viewer' });
    expect(await first(client, '{ hello }')).toEqual({ data: { hello: 'Hello viewer' } });
    expect(await first(client, 'mutation { bump }')).toMatchObject({ data: { bump: 1 } });
    expect(new Set(server.asked)).toEqual(new Set(['Bearer viewer']));
  });

  test('may spell the token’s name as a header', async () => {
    const client = connect(await startStubServer(), { Authorization: 'Bearer viewer' });
    expect(await first(client, '{ hello }')).toEqual({ data: { hello: 'Hello viewer' } });
  });

  test('is anonymous without a token', async () => {
    const client = connect(await startStubServer());
    expect(await first(client, '{ hello }')).toEqual({ data: { hello: 'Hello anonymous' } });
  });

  test('has its errors presented as over HTTP, and logged with the request id', async () => {
    const server = await startStubServer();
    const result = await first(connect(server), '{ refused broken }');
    expect(result).toEqual({
      data: { refused: null, broken: null },
      errors: [
        expect.objectContaining({
          message: 'There is one already.',
          extensions: { code: 'CONFLICT', field: 'input.name' },
        }),
        expect.objectContaining({
          message: 'Internal server error',
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) },
        }),
      ],
    });
    const { errors } = result as { errors: { extensions: { requestId: string } }[] };
    expect(server.log.filter(({ msg }) => msg === 'unexpected error')).toEqual([
      expect.objectContaining({ requestId: errors[1]!.extensions.requestId, path: 'broken' }),
    ]);
  });

  test('leaves a line in the log', async () => {
    const server = await startStubServer();
    await first(connect(server, { authorization: 'Bearer viewer' }), 'query Greet { hello }');
    expect(server.log.filter(({ msg }) => msg === 'operation')).toMatchObject([
      { level: 30, operationName: 'Greet', operationType: 'query', subject: 'viewer', errors: [] },
    ]);
  });

  test.each(['{ hello', '{ nothing }', 'subscription { nothing }'])(
    'that cannot be executed, “%s”, fails alone and leaves the socket open',
    async (query) => {
      const socket = await open(await startStubServer());
      await initialize(socket);
      const failure = nextMessage(socket);
      subscribe(socket, 'a', query);
      expect(await failure).toEqual({
        id: 'a',
        type: 'error',
        payload: [expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } })],
      });
      const answer = nextMessage(socket);
      subscribe(socket, 'b', '{ hello }');
      expect(await answer).toMatchObject({ id: 'b', type: 'next' });
    },
  );

  test('may not query the schema if introspection is off', async () => {
    const config = { introspection: false };
    const client = connect(await startStubServer({ config }));
    const failure = await first(client, '{ __schema { description } }').catch((error: unknown) => error);
    expect(failure).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});

describe('a subscription', () => {
  test('receives every event in order, each executed with a context of its own', async () => {
    const server = await startStubServer();
    const client = connect(server, { authorization: 'Bearer viewer' });
    const { channel, firstEvent, next } = await subscribeToTicks(server, client);
    channel.emit(1);
    channel.emit(2);
    channel.emit(3);
    expect([await firstEvent, await next(), await next()]).toEqual(
      [1, 2, 3].map((value) => ({ data: { ticks: { value } } })),
    );
    expect(new Set(server.contexts).size).toBe(3);
    expect(new Set(server.contexts.map(({ requestId }) => requestId)).size).toBe(3);
    expect(server.contexts.map(({ identity }) => identity.subject)).toEqual(['viewer', 'viewer', 'viewer']);
  });

  test('hides an error of an event, and continues', async () => {
    const server = await startStubServer();
    const query = 'subscription { ticks { value fault } }';
    const { channel, firstEvent, next } = await subscribeToTicks(server, connect(server), query);
    channel.emit(1);
    expect(await firstEvent).toMatchObject({
      data: { ticks: { value: 1, fault: null } },
      errors: [{ message: 'Internal server error', path: ['ticks', 'fault'] }],
    });
    expect(server.log.filter(({ msg }) => msg === 'unexpected error')).toMatchObject([
      { requestId: server.contexts[0]!.requestId },
    ]);
    channel.emit(2);
    expect(await next()).toMatchObject({ data: { ticks: { value: 2 } } });
  });

  test('that is refused gives the reason', async () => {
    const client = connect(await startStubServer());
    expect(await first(client, 'subscription { forbidden }')).toMatchObject({
      errors: [{ message: 'Not for you.', extensions: { code: 'FORBIDDEN' } }],
    });
  });

  test('whose resolver returns no events fails without internals', async () => {
    const server = await startStubServer();
    expect(await first(connect(server), 'subscription { absurd }')).toMatchObject({
      errors: [{ message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    expect(server.server.sockets.activeSubscriptions).toBe(0);
  });

  test('whose source breaks ends with an error without internals', async () => {
    const server = await startStubServer();
    const { channel, firstEvent, next } = await subscribeToTicks(server, connect(server));
    channel.fail(new Error('password of the database is hunter2'));
    channel.emit(1);
    await firstEvent;
    await expect(next()).rejects.toMatchObject([
      { message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
    ]);
    expect(channel.hasEnded).toBe(true);
    expect(server.server.sockets.activeSubscriptions).toBe(0);
  });
});

describe('the counts', () => {
  test('of sockets rise when one opens and fall when it closes, with or without a close frame', async () => {
    const server = await startStubServer();
    const { sockets: counts } = server.server;
    expect(counts.activeConnections).toBe(0);
    const polite = await open(server);
    const rude = await open(server);
    expect(counts.activeConnections).toBe(2);
    polite.close();
    await until(() => counts.activeConnections === 1);
    rude.terminate();
    await until(() => counts.activeConnections === 0);
  });

  test('of subscriptions fall when one is completed, and its source is closed', async () => {
    const server = await startStubServer();
    const { sockets: counts } = server.server;
    const client = connect(server);
    const one = await subscribeToTicks(server, client);
    const two = await subscribeToTicks(server, client);
    expect(counts).toMatchObject({ activeConnections: 1, activeSubscriptions: 2 });
    await one.events.return!();
    await until(() => counts.activeSubscriptions === 1);
    expect([one.channel.hasEnded, two.channel.hasEnded]).toEqual([true, false]);
  });

  test('of subscriptions fall at once when the source is busy waiting', async () => {
    const server = await startStubServer();
    const { sockets: counts } = server.server;
    const socket = await open(server);
    await initialize(socket);
    subscribe(socket, 'a', 'subscription { stuck }');
    await server.slowStarted;
    expect(counts.activeSubscriptions).toBe(1);
    socket.send(JSON.stringify({ id: 'a', type: 'complete' }));
    await until(() => counts.activeSubscriptions === 0);
    server.releaseSlow();
  });

  test('of subscriptions fall when the source has no more events', async () => {
    const server = await startStubServer();
    const { channel, firstEvent } = await subscribeToTicks(server, connect(server));
    await channel.return();
    expect(await firstEvent).toBeUndefined();
    expect(server.server.sockets.activeSubscriptions).toBe(0);
  });

  test('of subscriptions fall when their socket closes', async () => {
    const server = await startStubServer();
    const { sockets: counts } = server.server;
    const socket = await open(server);
    await initialize(socket);
    for (const id of ['a', 'b']) {
      subscribe(socket, id, 'subscription { ticks { value } }');
    }
    await until(() => counts.activeSubscriptions === 2);
    socket.terminate();
    await until(() => counts.activeSubscriptions === 0 && counts.activeConnections === 0);
    expect(server.channels.map(({ hasEnded }) => hasEnded)).toEqual([true, true]);
  });
});

describe('a token', () => {
  async function refusal(authorization: unknown) {
    const server = await startStubServer();
    const socket = await open(server);
    const closed = closeOf(socket);
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    return closed;
  }

  test.each(['Bearer bad', 42])('that is bad closes the socket with 4401: %p', async (authorization) => {
    expect((await refusal(authorization)).code).toBe(4401);
  });

  test('that cannot be verified at the moment closes the socket with a code for a retry', async () => {
    expect(await refusal('Bearer unverifiable')).toEqual({ code: 1013, reason: 'Try again later' });
  });

  test('whose verification fails internally closes the socket without internals', async () => {
    expect(await refusal('Bearer surprise')).toEqual({ code: 4500, reason: 'Internal server error' });
  });

  test('closes the socket with 4403 when it expires, and ends the subscriptions', async () => {
    const server = await startStubServer();
    const socket = await open(server);
    await initialize(socket, { authorization: 'Bearer expiring' });
    subscribe(socket, 'a', 'subscription { ticks { value } }');
    await until(() => server.channels.length === 1);
    const closed = closeOf(socket);
    socket.pause();
    server.timers.advance(EXPIRING_TOKEN_MS);
    // The peer has not received the close frame yet.
    subscribe(socket, 'b', '{ hello }');
    socket.resume();
    expect((await closed).code).toBe(4403);
    expect(server.contexts).toEqual([]);
    await until(() => server.channels[0]!.hasEnded);
  });

  test('with a lifetime beyond the longest timer does not expire early', async () => {
    const server = await startStubServer();
    const socket = await open(server);
    await initialize(socket, { authorization: 'Bearer lasting' });
    expect(Math.max(...server.timers.delaysMs)).toBe(2 ** 31 - 1);
    // Only the expiry matters here; a heartbeat would close the unresponsive peer.
    const closed = closeOf(socket);
    server.timers.advance(2 ** 31 - 1);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    await once(socket, 'ping');
    socket.send(JSON.stringify({ type: 'ping' }));
    expect(await nextMessage(socket)).toEqual({ type: 'pong' });
    server.timers.advance(LASTING_TOKEN_MS - (2 ** 31 - 1));
    expect((await closed).code).toBe(4403);
  });

  test('leaves no timer behind when its socket closes', async () => {
    const server = await startStubServer();
    const before = server.timers.pending;
    const socket = await open(server);
    await initialize(socket, { authorization: 'Bearer expiring' });
    expect(server.timers.pending).toBe(before + 1);
    socket.terminate();
    await until(() => server.timers.pending === before);
  });
});

describe('a socket', () => {
  test('is closed with 1001 when the server closes', async () => {
    const server = await startStubServer();
    const socket = await open(server);
    const closed = closeOf(socket);
    await server.server.close(3_600_000);
    expect(await closed).toEqual({ code: 1001, reason: 'Going away' });
    expect(server.server.sockets.activeConnections).toBe(0);
    expect(server.timers.pending).toBe(0);
  });

  test('that does not answer the close frame is cut', async () => {
    const server = await startStubServer();
    const socket = await open(server);
    socket.pause();
    await server.server.close(0);
    expect(server.server.sockets.activeConnections).toBe(0);
  });

  test('that does not answer pings is cut, one that does is kept', async () => {
    const server = await startStubServer();
    const alive = await open(server);
    const dead = await open(server, { autoPong: false });
    for (const socket of [alive, dead]) await initialize(socket);
    const { sockets: counts } = server.server;
    const pinged = Promise.all([once(alive, 'ping'), once(dead, 'ping')]);
    server.timers.advance(12_000);
    await pinged;
    // The answer to this ping comes after the answer to the heartbeat.
    alive.send(JSON.stringify({ type: 'ping' }));
    await nextMessage(alive);
    const cut = closeOf(dead);
    server.timers.advance(12_000);
    expect((await cut).code).toBe(1006);
    await until(() => counts.activeConnections === 1);
    expect(alive.readyState).toBe(WebSocket.OPEN);
  });

  test('with a message over 64 KiB is closed with 1009', async () => {
    const server = await startStubServer();
    const socket = await open(server);
    await initialize(socket);
    const closed = closeOf(socket);
    socket.send(JSON.stringify({ type: 'ping', payload: { padding: 'x'.repeat(64 * 1024) } }));
    expect((await closed).code).toBe(1009);
    await until(() => server.server.sockets.activeConnections === 0);
  });

  test('that does not name the protocol is closed with 4406', async () => {
    const server = await startStubServer();
    const socket = new WebSocket(socketUrl(server));
    sockets.push(socket);
    expect((await closeOf(socket)).code).toBe(4406);
  });
});

describe('an upgrade', () => {
  async function statusOf(url: string, options: object = {}): Promise<number> {
    const socket = new WebSocket(url, PROTOCOL, options);
    sockets.push(socket);
    socket.on('error', () => {});
    const outcome = Promise.race([once(socket, 'unexpected-response'), once(socket, 'open')]);
    const [, response] = await outcome;
    return response?.statusCode ?? 101;
  }

  test('is possible at /graphql only', async () => {
    const server = await startStubServer();
    expect(await statusOf(socketUrl(server))).toBe(101);
    expect(await statusOf(`${socketUrl(server)}?from=sandbox`)).toBe(101);
    expect(await statusOf(`${socketUrl(server)}/more`)).toBe(404);
  });

  test('is open to the server’s own pages and to listed origins', async () => {
    const server = await startStubServer();
    expect(await statusOf(socketUrl(server), { origin: server.url })).toBe(101);
    expect(await statusOf(socketUrl(server), { origin: 'https://app.example' })).toBe(101);
    expect(await statusOf(socketUrl(server), { origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf(socketUrl(server), { origin: 'null' })).toBe(403);
  });
});
