import { once } from 'node:events';
import { loadConfig } from '../../src/config/config.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { EXPIRING_TOKEN_MS, type StubServer, startStubServer, stopStubServers, until } from '../support/stub-server.ts';

const EVENTS = 8;

let server: StubServer;
const sockets: RawSocket[] = [];

beforeEach(async () => {
  const limits = loadConfig({ NODE_ENV: 'test' }).sockets;
  server = await startStubServer({ config: { sockets: { ...limits, maxQueuedBytes: 64 * 1024 * 1024 } } });
});

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  await stopStubServers();
});

/** A socket that has subscribed to `changes`. */
async function follow({ id = 'a', selection = 'value', authorization = 'Bearer viewer' } = {}): Promise<RawSocket> {
  const socket = await RawSocket.open(server.url);
  sockets.push(socket);
  await socket.initialize({ authorization });
  const { sockets: counts } = server.server;
  const before = counts.activeSubscriptions;
  socket.subscribe(id, `subscription { changes { ${selection} } }`);
  await until(() => counts.activeSubscriptions === before + 1);
  return socket;
}

function publishTogether(first = 0): number[] {
  const values = Array.from({ length: EVENTS }, (_, index) => first + index);
  for (const value of values) server.publish({ name: `n${value}`, value });
  return values;
}

async function nextValues(socket: RawSocket, count = EVENTS): Promise<number[]> {
  const values: number[] = [];
  while (values.length < count) values.push((await socket.next()).payload.data.changes.value);
  return values;
}

/** Ends in the turn of the event loop in which it was called, after everything that needs no more than promises. */
async function promisesToSettle(): Promise<void> {
  for (let step = 0; step < 1000; step++) await null;
}

describe('Events that arise together', () => {
  test('arrive in order on every socket, whatever the length of its id', async () => {
    const subscribers = [await follow(), await follow({ id: 'another, and longer' }), await follow({ id: 'b' })];
    const values = publishTogether();
    for (const subscriber of subscribers) expect(await nextValues(subscriber)).toEqual(values);
  });

  test('arrive before the close that follows in the same turn of the event loop', async () => {
    const socket = await follow({ authorization: 'Bearer expiring' });
    server.publish({ name: 'n', value: 1 });
    await promisesToSettle();
    server.timers.advance(EXPIRING_TOKEN_MS);
    expect(await nextValues(socket, 1)).toEqual([1]);
    expect(await socket.closed).toEqual({ code: 4403, reason: 'The token has expired.' });
  });

  test('stay between the replies before and after them', async () => {
    const [socket, other] = [await follow(), await follow()];
    const query = async (id: string) => {
      const before = server.contexts.length;
      socket.send({ id, type: 'subscribe', payload: { query: `{ hello(name: "${id}") }` } });
      await until(() => server.contexts.length === before + 1);
      await promisesToSettle();
    };
    await query('before');
    const values = publishTogether();
    expect(await nextValues(other)).toEqual(values);
    await query('after');
    const order: string[] = [];
    while (order.length < EVENTS + 4) order.push((await socket.next()).id);
    expect(order).toEqual(['before', 'before', ...Array(EVENTS).fill('a'), 'after', 'after']);
  });

  test('arrive whole where they are more than the network takes at once, and before later replies', async () => {
    const selection = 'value padding(size: 200000)';
    const [slow, quick] = [await follow({ selection }), await follow({ selection })];
    slow.socket.pause();
    const values: number[] = [];
    for (let turn = 0; turn < 8; turn++) {
      values.push(...publishTogether(values.length));
      expect(await nextValues(quick)).toEqual(values.slice(-EVENTS));
    }
    slow.send({ type: 'ping' });
    slow.socket.resume();
    expect(await nextValues(slow, values.length)).toEqual(values);
    expect(await slow.next()).toEqual({ type: 'pong' });
    expect(server.server.sockets.coalescedEvents).toBe(0);
  });
});

describe('The frame of an event', () => {
  test.each([125, 126, 127, 65_535, 65_536, 2_000_000])('has room for a message of %i bytes', async (length) => {
    const message = (padding: string) =>
      `{"id":"a","type":"next","payload":{"data":{"changes":{"padding":${JSON.stringify(padding)}}}}}`;
    const padding = 'x'.repeat(length - message('').length);
    const socket = await follow({ selection: `padding(size: ${padding.length})` });
    const [[data]] = await Promise.all([
      once(socket.socket, 'message') as Promise<[Buffer]>,
      server.publish({ name: 'n', value: 1 }),
    ]);
    expect(data).toHaveLength(length);
    expect(String(data)).toBe(message(padding));
  });

  test.each(['ü', '🖥️', '\u2028', '\u0000', '"', 'ÿ', '漢字'])(
    'has the characters of %j in the payload and in the id',
    async (text) => {
      const [odd, plain] = [await follow({ id: text, selection: 'name' }), await follow({ selection: 'name' })];
      for (const name of ['plain', text, `${text}.`, text.repeat(30_000)]) {
        server.publish({ name, value: 1 });
        for (const [socket, id] of [[odd, text] as const, [plain, 'a'] as const]) {
          expect(await socket.next()).toEqual({ id, type: 'next', payload: { data: { changes: { name } } } });
        }
      }
    },
  );
});
