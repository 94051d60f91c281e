import { loadConfig } from '../../src/config/config.ts';
import { MULTIPART, openStream, type ReceivedStream, SSE } from '../support/result-stream.ts';
import { EXPIRING_TOKEN_MS, type StubServer, startStubServer, stopStubServers, until } from '../support/stub-server.ts';

const CHANGES = { query: 'subscription { changes { name value } }' };
const limits = loadConfig({ NODE_ENV: 'test' }).sockets;

let server: StubServer;
const streams: ReceivedStream[] = [];

beforeEach(async () => {
  server = await startStubServer();
});

afterEach(async () => {
  for (const { stop } of streams.splice(0)) stop();
  await stopStubServers();
});

async function open(body: object | null, headers: Record<string, string> = {}, search = ''): Promise<ReceivedStream> {
  const stream = await openStream(`${server.url}/graphql${search}`, body, headers);
  streams.push(stream);
  return stream;
}

const counts = () => ({ ...server.server.sockets });

/** Opens a stream and waits until its subscription has started. */
async function subscribe(headers: Record<string, string> = {}, body: object = CHANGES): Promise<ReceivedStream> {
  const before = counts().activeSubscriptions;
  const stream = await open(body, headers);
  await until(() => counts().activeSubscriptions > before);
  return stream;
}

describe('With Accept: text/event-stream', () => {
  test('a query is answered with one event and completes', async () => {
    const stream = await open({ query: '{ hello }' });
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('cache-control')).toMatch(/no-store/);
    expect(await stream.next()).toEqual({ event: 'next', data: { data: { hello: 'Hello anonymous' } } });
    expect(await stream.next()).toEqual({ event: 'complete', data: undefined });
    expect(await stream.next()).toBeUndefined();
  });

  test('a mutation is executed by a POST, not by a GET', async () => {
    const query = 'mutation { bump }';
    expect(await (await open({ query })).next()).toMatchObject({ data: { data: { bump: 1 } } });
    const got = await open(null, {}, `?query=${encodeURIComponent(query)}`);
    expect((await got.next())!.data.errors).toHaveLength(1);
    expect(await (await open({ query })).next()).toMatchObject({ data: { data: { bump: 2 } } });
  });

  test('an invalid document is an event with its errors', async () => {
    const stream = await open({ query: '{ nonsense }' });
    expect(stream.response.status).toBe(200);
    expect(await stream.next()).toMatchObject({
      event: 'next',
      data: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    });
    expect(await stream.next()).toMatchObject({ event: 'complete' });
  });

  test('a bad token is refused with 401', async () => {
    const { response } = await open(CHANGES, { authorization: 'Bearer bad' });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('a subscription sends its events, by POST and by GET', async () => {
    const posted = await subscribe();
    const before = counts().activeSubscriptions;
    const got = await open(null, {}, `?query=${encodeURIComponent(CHANGES.query)}`);
    await until(() => counts().activeSubscriptions > before);
    expect(server.openSources()).toBe(1);
    server.publish({ name: 'n', value: 1 });
    const expected = { event: 'next', data: { data: { changes: { name: 'n', value: 1 } } } };
    expect([await posted.next(), await got.next()]).toEqual([expected, expected]);
    expect(server.contexts).toHaveLength(1);
  });

  test('a GET that another page could have sent is refused', async () => {
    const response = await fetch(`${server.url}/graphql?query=${encodeURIComponent(CHANGES.query)}`, {
      headers: { accept: SSE },
    });
    expect(response.status).toBe(400);
    expect(counts().activeSubscriptions).toBe(0);
  });

  test('a subscription that cannot start says why, and completes', async () => {
    const stream = await open({ query: 'subscription { forbidden }' });
    expect(await stream.next()).toMatchObject({ data: { errors: [{ extensions: { code: 'FORBIDDEN' } }] } });
    expect(await stream.next()).toMatchObject({ event: 'complete' });
  });

  test('a subscription completes with its source, and fails with it', async () => {
    const one = await subscribe({}, { query: 'subscription { ticks { value } }' });
    server.channels[0]!.fail(new Error('password of the database is hunter2'));
    server.channels[0]!.emit(1);
    expect(await one.next()).toMatchObject({ data: { data: { ticks: { value: 1 } } } });
    expect(await one.next()).toMatchObject({ data: { errors: [{ message: 'Internal server error' }] } });
    expect(await one.next()).toMatchObject({ event: 'complete' });
  });

  test('a client that leaves ends its subscription', async () => {
    const stream = await subscribe();
    expect(counts()).toMatchObject({ activeConnections: 1, activeSubscriptions: 1 });
    stream.stop();
    await until(() => counts().activeConnections === 0);
    expect(counts().activeSubscriptions).toBe(0);
    expect(server.openSources()).toBe(0);
  });

  test('a stream without events is kept alive by comments', async () => {
    const stream = await subscribe();
    server.timers.advance(12_000);
    const text = new TextDecoder();
    let received = '';
    for await (const bytes of stream.response.body!) {
      received += text.decode(bytes);
      if (received === ':\n\n:\n\n') break;
    }
  });

  test('a stream ends without completion when the token expires', async () => {
    const stream = await subscribe({ authorization: 'Bearer expiring' });
    server.timers.advance(EXPIRING_TOKEN_MS);
    expect(await stream.next()).toBeUndefined();
    expect(server.openSources()).toBe(0);
  });

  test('streams end at once when the server closes', async () => {
    const stream = await subscribe();
    const closed = server.server.close(60_000);
    expect(await stream.next()).toBeUndefined();
    await closed;
  });

  test('a client that prefers JSON gets JSON', async () => {
    const accept = 'application/graphql-response+json, application/json, text/event-stream, multipart/mixed';
    const { response } = await open({ query: '{ hello }' }, { accept });
    expect(response.headers.get('content-type')).toMatch(/^application\/graphql-response\+json/);
  });
});

describe("With Accept of Apollo's multipart subscriptions", () => {
  test('a subscription sends its events as parts with a payload', async () => {
    const stream = await subscribe({ accept: MULTIPART });
    expect(stream.response.headers.get('content-type')).toBe(
      'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
    );
    server.publish({ name: 'n', value: 1 });
    expect(await stream.next()).toEqual({
      event: 'part',
      data: { payload: { data: { changes: { name: 'n', value: 1 } } } },
    });
    server.timers.advance(12_000);
    server.publish({ name: 'n', value: 2 });
    expect((await stream.next())!.data.payload.data.changes.value).toBe(2);
  });

  test('a query is answered with JSON', async () => {
    const { response } = await open({ query: '{ hello }' }, { accept: MULTIPART });
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({ data: { hello: 'Hello anonymous' } });
  });

  test('a stream ends with an error when the token expires', async () => {
    const stream = await subscribe({ accept: MULTIPART, authorization: 'Bearer expiring' });
    server.timers.advance(EXPIRING_TOKEN_MS);
    expect(await stream.next()).toMatchObject({
      data: { payload: null, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    expect(await stream.next()).toBeUndefined();
  });
});

describe('The limits of WebSockets', () => {
  test('count streams as connections', async () => {
    server = await startStubServer({ config: { sockets: { ...limits, maxConnections: 1 } } });
    await subscribe();
    const { response } = await open(CHANGES);
    expect(response.status).toBe(503);
    expect((await (await open({ query: '{ hello }' })).next())!.data).toMatchObject({ data: {} });
  });

  test('cut off a client that reads too slowly', async () => {
    server = await startStubServer({ config: { sockets: { ...limits, maxQueuedBytes: 1024 * 1024 } } });
    await subscribe({}, { query: 'subscription { changes { name padding(size: 100000) } }' });
    for (let value = 0; counts().activeConnections > 0; value++) {
      server.publish({ name: `n${value}`, value });
      await new Promise(setImmediate);
    }
    expect(server.openSources()).toBe(0);
  });
});
