import { loadConfig } from '../../src/config/config.ts';
import { bytesInUse } from '../support/heap.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { type StubServer, startStubServer, stopStubServers, until } from '../support/stub-server.ts';

const MIB = 1024 * 1024;
const EVENT_BYTES = 32 * 1024;
const MAX_QUEUED_BYTES = 32 * EVENT_BYTES;
/** Far more than the socket buffers of both sides hold. */
const MANY = 400;
/** Published at a time: less than may wait, so that a consumer that reads in between misses nothing. */
const HANDFUL = 10;

let server: StubServer;
const sockets: RawSocket[] = [];

beforeEach(async () => {
  const limits = loadConfig({ NODE_ENV: 'test' }).sockets;
  server = await startStubServer({ config: { sockets: { ...limits, maxQueuedBytes: MAX_QUEUED_BYTES } } });
});

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  await stopStubServers();
});

async function connect(): Promise<RawSocket> {
  const socket = await RawSocket.open(server.url);
  sockets.push(socket);
  await socket.initialize();
  return socket;
}

async function subscribe(socket: RawSocket, id: string): Promise<void> {
  const { sockets: counts } = server.server;
  const before = counts.activeSubscriptions;
  socket.subscribe(id, `subscription { changes { name value padding(size: ${EVENT_BYTES}) } }`);
  await until(() => counts.activeSubscriptions === before + 1);
}

async function nextChange(socket: RawSocket): Promise<{ id: string; name: string; value: number }> {
  const { id, payload } = await socket.next();
  const { name, value } = payload.data.changes;
  return { id, name, value };
}

/** Publishes values from `first` on, for `names` things in turn, and checks that `reader` receives each of them. */
async function publishTo(
  reader: RawSocket,
  { first = 0, count = MANY, names }: { first?: number; count?: number; names: number },
) {
  for (let value = first; value < first + count; value++) {
    server.publish({ name: `n${value % names}`, value });
    if ((value + 1) % HANDFUL !== 0) continue;
    for (let heard = value + 1 - HANDFUL; heard <= value; heard++) {
      expect((await nextChange(reader)).value).toBe(heard);
    }
  }
}

describe('A consumer that stops reading', () => {
  test('does not affect others, takes little memory, and then gets the newest of everything, in order', async () => {
    const [slow, quick] = [await connect(), await connect()];
    for (const socket of [slow, quick]) await subscribe(socket, 'a');
    slow.socket.pause();
    // First the events in the operating system's buffers.
    await publishTo(quick, { names: 7 });
    const before = await bytesInUse();
    await publishTo(quick, { first: MANY, names: 7 });
    expect((await bytesInUse()) - before).toBeLessThan(8 * MIB);
    expect(server.contexts).toHaveLength(2 * MANY);

    slow.socket.resume();
    const heard: { name: string; value: number }[] = [];
    const newest = () => new Map(heard.map(({ name, value }) => [name, value]));
    const published = new Map(
      Array.from({ length: 7 }, (_, back) => [`n${(2 * MANY - 1 - back) % 7}`, 2 * MANY - 1 - back]),
    );
    while (heard.at(-1)?.value !== 2 * MANY - 1) heard.push(await nextChange(slow));
    expect(newest()).toEqual(published);
    const values = heard.map(({ value }) => value);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(new Set(values).size).toBe(values.length);
    expect(values.length).toBeLessThan(MANY);
    // What it was spared is counted.
    expect(server.server.sockets.coalescedEvents).toBe(2 * MANY - values.length);

    // The consumer has caught up and misses nothing more.
    await publishTo(quick, { first: 2 * MANY, count: HANDFUL, names: 7 });
    for (let value = 2 * MANY; value < 2 * MANY + HANDFUL; value++) expect((await nextChange(slow)).value).toBe(value);
  });

  test('is closed with 4413 when too many different things changed, while others lose nothing', async () => {
    const [slow, quick] = [await connect(), await connect()];
    for (const socket of [slow, quick]) await subscribe(socket, 'a');
    slow.socket.pause();
    await publishTo(quick, { names: MANY });
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 4413, reason: 'Too far behind' });
    const values = slow.heard.map(({ payload }) => payload.data.changes.value);
    expect(values).toEqual(values.map((_, index) => index));
    await until(() => server.server.sockets.activeSubscriptions === 1);
    await publishTo(quick, { first: MANY, count: HANDFUL, names: 7 });
  });

  test('receives no waiting event of an ended subscription under a reused id', async () => {
    const [slow, quick] = [await connect(), await connect()];
    for (const socket of [slow, quick]) await subscribe(socket, 'a');
    slow.socket.pause();
    // Half of them do not change again, so no newer change replaces them in the queue.
    await publishTo(quick, { names: 2 * HANDFUL });
    slow.send({ id: 'a', type: 'complete' });
    await until(() => server.server.sockets.activeSubscriptions === 1);
    await subscribe(slow, 'a');
    await publishTo(quick, { first: MANY, count: HANDFUL, names: HANDFUL });
    slow.socket.resume();
    const values: number[] = [];
    while (values.at(-1) !== MANY + HANDFUL - 1) values.push((await nextChange(slow)).value);
    // Events that had already left the server arrive without gaps; then the new subscription begins.
    const old = values.slice(0, -HANDFUL);
    expect(old).toEqual(old.map((_, index) => index));
    expect(values.slice(-HANDFUL)).toEqual(Array.from({ length: HANDFUL }, (_, index) => MANY + index));
  });

  test('that keeps sending operations is not read from until it has read its answers, and then gets them all', async () => {
    const [greedy, other] = [await connect(), await connect()];
    greedy.socket.pause();
    const padding = 'x'.repeat(EVENT_BYTES);
    for (let number = 0; number < MANY; number++) greedy.send({ type: 'ping', payload: { number, padding } });
    // Long enough for a server that kept reading to read everything.
    for (let turn = 0; turn < 500; turn++) {
      other.send({ type: 'ping' });
      await other.next();
    }
    expect(greedy.socket.bufferedAmount).toBeGreaterThan(MIB);
    greedy.socket.resume();
    for (let number = 0; number < MANY; number++) expect((await greedy.next()).payload.number).toBe(number);
  });
});
