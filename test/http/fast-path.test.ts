import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.ts';
import { Wire, type WireAnswer } from '../support/wire.ts';

/*
 * Plain requests are answered before Node's HTTP parser sees them. Clients must not notice, no matter how requests are cut,
 * mixed and joined.
 */

let testApp: TestApp;
let port: number;
let token: string;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 6 }, env: { HTTP_FAST_PATH: 'on' } });
  port = Number(new URL(testApp.app.url).port);
  token = await testApp.token('ADMIN');
});

afterAll(() => testApp.close());

function post(query: string, ...headers: readonly string[]): string {
  const body = JSON.stringify({ query });
  return [
    'POST /graphql HTTP/1.1',
    'Host: stationmaster',
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

const list = (first: number) => `{ workstations(first: ${first}) { nodes { id name } } }`;

/** Sends the query until its response is cached and the query is compiled. Returns the response. */
async function settle(query: string): Promise<Answer> {
  for (let time = 0; time < 5; time++) await testApp.ask(query);
  return testApp.ask(query);
}

const hits = () => testApp.app.cache.getStats().layers.find(({ name }) => name === 'responses')!.hits;

async function askOnce(request: string): Promise<WireAnswer> {
  const wire = await Wire.open(port);
  await wire.send(request);
  const answer = await wire.next();
  wire.socket.destroy();
  return answer;
}

describe('A cached response', () => {
  test('has the headers of an executed one, for any spelling of the request', async () => {
    await settle(list(2));
    const executed = await askOnce(post(`query Other ${list(2)}`));
    const kept = await askOnce(post(list(2)));
    expect(Object.keys(kept.headers).sort()).toEqual(Object.keys(executed.headers).sort());
    for (const name of [
      'content-type',
      'cache-control',
      'vary',
      'connection',
      'keep-alive',
      'x-content-type-options',
    ]) {
      expect([name, kept.headers[name]]).toEqual([name, executed.headers[name]]);
    }
    expect(Date.parse(kept.headers.date!)).toBeGreaterThan(Date.now() - 5000);
    expect(kept.body).toBe(executed.body);
  });

  test('has the client’s request id, unless the id could break the response head', async () => {
    await settle(list(2));
    expect((await askOnce(post(list(2), 'X-Request-Id: mine-1'))).headers['x-request-id']).toBe('mine-1');
    const made = (await askOnce(post(list(2), 'X-Request-Id: a b;c'))).headers['x-request-id'];
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('has CORS headers for allowed origins only', async () => {
    await settle(list(2));
    const allowed = await askOnce(post(list(2), 'Origin: https://studio.apollographql.com'));
    const foreign = await askOnce(post(list(2), 'Origin: https://elsewhere.example'));
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
    expect(foreign.body).toBe(allowed.body);
  });

  test('is served after requests that have to be executed, on the same connection', async () => {
    await settle(list(3));
    const wire = await Wire.open(port);
    for (const request of [post(list(3)), post('mutation { deleteWorkstation(id: "no") }'), post(list(3))]) {
      await wire.send(request);
      expect((await wire.next()).status).toBe(200);
    }
    const before = hits();
    await wire.send(post(list(3)));
    await wire.next();
    expect(hits()).toBe(before + 1);
    wire.socket.destroy();
  });

  test('does not prevent a later upgrade of its connection to a WebSocket', async () => {
    await settle(list(3));
    const wire = await Wire.open(port);
    for (const request of [post(list(3)), post('mutation { deleteWorkstation(id: "no") }')]) {
      await wire.send(request);
      await wire.next();
    }
    const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
    const protocol = ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: graphql-transport-ws'];
    await wire.send(['GET /graphql HTTP/1.1', 'Host: stationmaster', ...upgrade, ...protocol, '', ''].join('\r\n'));
    expect((await wire.next()).status).toBe(101);
    wire.socket.destroy();
  });

  test('is sent completely to a client that closes its half of the connection after the request', async () => {
    await settle(list(3));
    const wire = await Wire.open(port);
    wire.socket.end(post(list(3)));
    expect(JSON.parse((await wire.next()).body).data.workstations.nodes).toHaveLength(3);
    await wire.ended;
  });
});

describe('A request that differs from a plain one by a single letter is left to the parser:', () => {
  const PLAIN = () => post(list(4));
  test.each<[what: string, alter: (request: string) => string, status: number]>([
    ['another path', (request) => request.replace('/graphql', '/graphqL'), 404],
    ['HTTP/1.0', (request) => request.replace('HTTP/1.1', 'HTTP/1.0'), 200],
    ['no host', (request) => request.replace('Host: stationmaster\r\n', ''), 400],
    ['a space before the colon', (request) => request.replace('Host:', 'Host :'), 400],
    ['a folded header', (request) => request.replace('\r\nContent-Type', '\r\n more\r\nContent-Type'), 400],
    ['two equal lengths', (request) => request.replace(/(Content-Length: \d+\r\n)/, '$1$1'), 400],
    ['a length with a sign', (request) => request.replace('Content-Length: ', 'Content-Length: +'), 400],
    ['a length and chunks', (request) => request.replace('Content-', 'Transfer-Encoding: chunked\r\nContent-'), 400],
    ['a bare line feed', (request) => request.replace('stationmaster\r\n', 'stationmaster\n'), 400],
    ['a NUL in a header', (request) => request.replace('stationmaster', 'station\0master'), 400],
    ['another content type', (request) => request.replace('application/json', 'text/plain'), 415],
    ['two tokens', (request) => request.replace(/(Authorization: .*\r\n)/, '$1$1'), 200],
  ])('%s', async (_what, alter, status) => {
    await settle(list(4));
    const before = hits();
    const answer = await askOnce(alter(PLAIN()));
    expect(answer.status).toBe(status);
    // The parser decides: Node takes the first of two tokens, and also answers HTTP/1.0.
    expect(hits() - before).toBeLessThanOrEqual(status === 200 ? 1 : 0);
  });
});

test('Requests cut and joined at random are each answered once, in order, and as they would be alone', async () => {
  const QUERIES = [
    list(1),
    list(2),
    list(5),
    'mutation { deleteWorkstation(id: "no") }',
    '{ __typename }',
    '{ nothing }',
  ];
  const expected = new Map<string, unknown>();
  for (const query of QUERIES) {
    const { extensions: _position, ...answer } = await settle(query);
    expected.set(query, answer);
  }
  const pieces = (text: string, cuts: readonly number[]) => {
    const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
    return places.slice(1).map((place, index) => text.slice(places[index], place));
  };
  const requests = fc.array(
    fc.record({
      query: fc.constantFrom(...QUERIES),
      waits: fc.boolean(),
      cuts: fc.array(fc.nat(5000), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(requests, async (asked) => {
      const wire = await Wire.open(port);
      const open: string[] = [];
      const readAll = async () => {
        for (const query of open.splice(0)) {
          const { body, headers } = await wire.next();
          const { extensions: _position, ...answer } = JSON.parse(body.replaceAll(headers['x-request-id']!, ''));
          expect(answer).toEqual(expected.get(query));
        }
      };
      for (const { query, waits, cuts } of asked) {
        open.push(query);
        await wire.send(...pieces(post(query), cuts).filter((piece) => piece !== ''));
        if (waits) await readAll();
      }
      await readAll();
      wire.socket.destroy();
    }),
    { numRuns: 60 },
  );
});

test('A client that sends without reading is not read from any more, and gets all responses once it reads', async () => {
  await settle(list(6));
  const wire = await Wire.open(port);
  wire.socket.pause();
  const request = Buffer.from(post(list(6)));
  let sent = 0;
  // One request at a time, until the connection accepts no more.
  while (wire.socket.writableLength < 4 * request.length && sent < 50_000) {
    wire.socket.write(request);
    sent += 1;
    if (sent % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  wire.socket.resume();
  for (let count = 0; count < sent; count++) expect((await wire.next()).status).toBe(200);
  wire.socket.destroy();
});

describe('A server that closes', () => {
  test('closes idle connections at once', async () => {
    const own = await startTestApp({ env: { HTTP_FAST_PATH: 'on' } });
    const socket = await connectTo(own);
    socket.write(post('{ __typename }'));
    await once(socket, 'data');
    const ended = once(socket, 'close');
    await own.close();
    await ended;
  });

  test('answers the first request of a connection that was opened before', async () => {
    const own = await startTestApp({ env: { HTTP_FAST_PATH: 'on' } });
    const socket = await connectTo(own);
    const answered = once(socket, 'data');
    const closed = own.close();
    socket.write(post('{ __typename }').replace(/Authorization: .*\r\n/, ''));
    expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*connection: close/i);
    await closed;
  });
});

async function connectTo({ app }: TestApp): Promise<Socket> {
  const socket = connect({ port: Number(new URL(app.url).port), host: '127.0.0.1' });
  socket.on('error', () => {});
  await once(socket, 'connect');
  // Waits until the server has accepted it.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return socket;
}
