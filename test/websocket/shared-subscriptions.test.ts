import { RawSocket } from '../support/raw-socket.ts';
import { EXPIRING_TOKEN_MS, type StubServer, startStubServer, stopStubServers, until } from '../support/stub-server.ts';

const CHANGES = 'subscription { changes { name value } }';
const CHANGES_OF = 'subscription ($of: String) { changes(of: $of) { value } }';

let server: StubServer;
const sockets: RawSocket[] = [];

beforeEach(async () => {
  server = await startStubServer();
});

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  await stopStubServers();
});

async function connect(token?: string): Promise<RawSocket> {
  const socket = await RawSocket.open(server.url);
  sockets.push(socket);
  await socket.initialize(token === undefined ? {} : { authorization: `Bearer ${token}` });
  return socket;
}

const running = () => server.server.sockets.activeSubscriptions;

/** Resolves once the server has started the subscription. */
async function subscribe(socket: RawSocket, id: string, query = CHANGES, variables?: object): Promise<void> {
  const before = running();
  socket.subscribe(id, query, variables);
  await until(() => running() === before + 1);
}

async function complete(socket: RawSocket, id: string): Promise<void> {
  const before = running();
  socket.send({ id, type: 'complete' });
  await until(() => running() === before - 1);
}

async function nextValue(socket: RawSocket): Promise<number> {
  return (await socket.next()).payload.data.changes.value;
}

describe('Identical subscriptions', () => {
  test('share one source and one execution, on one socket or on several', async () => {
    const [one, two] = [await connect(), await connect()];
    await subscribe(one, 'a');
    await subscribe(one, 'b');
    await subscribe(two, 'a');
    expect(server.openSources()).toBe(1);
    server.publish({ name: 'n', value: 1 });
    const payload = { data: { changes: { name: 'n', value: 1 } } };
    expect([await one.next(), await one.next()]).toEqual(['a', 'b'].map((id) => ({ id, type: 'next', payload })));
    expect(await two.next()).toEqual({ id: 'a', type: 'next', payload });
    expect(server.contexts).toHaveLength(1);
  });

  test('are counted and logged once per event, without a subject', async () => {
    const socket = await connect('viewer');
    await subscribe(socket, 'a');
    await subscribe(socket, 'b');
    server.publish({ name: 'n', value: 1 });
    await socket.next();
    const lines = server.log.filter(({ msg }) => msg === 'operation');
    expect(lines).toMatchObject([{ operationType: 'subscription', subject: 'shared' }]);
  });

  test('share errors too, and log them once', async () => {
    const [one, two] = [await connect(), await connect()];
    for (const socket of [one, two]) await subscribe(socket, 'a', 'subscription { changes { padding(size: -1) } }');
    server.publish({ name: 'n', value: 1 });
    const [error] = (await one.next()).payload.errors;
    expect(error).toMatchObject({ message: 'Internal server error', path: ['changes', 'padding'] });
    expect((await two.next()).payload.errors).toEqual([error]);
    expect(server.log.filter(({ msg }) => msg === 'unexpected error')).toMatchObject([
      { requestId: error.extensions.requestId },
    ]);
  });

  test.each([
    ['documents', [{}, { query: 'subscription { changes { value name } }' }]],
    ['variables', [{ query: CHANGES_OF }, { query: CHANGES_OF, variables: { of: 'x' } }]],
    ['variables, null and none', [{ query: CHANGES_OF }, { query: CHANGES_OF, variables: { of: null } }]],
    ['roles', [{ token: 'viewer' }, { token: 'admin' }]],
    ['roles, with a token and without', [{ token: 'viewer' }, {}]],
  ] as [string, { query?: string; variables?: object; token?: string }[]][])(
    'are not those that differ in their %s',
    async (_name, subscriptions) => {
      for (const { query = CHANGES, variables, token } of subscriptions) {
        await subscribe(await connect(token), 'a', query, variables);
      }
      server.publish({ name: 'n', value: 1 });
      for (const socket of sockets) expect(await nextValue(socket)).toBe(1);
      expect(server.contexts).toHaveLength(2);
      expect(server.contexts.map(({ identity }) => identity.roles)).toEqual(
        subscriptions.map(({ token = 'viewer' }) => [token.toUpperCase()]),
      );
    },
  );

  test('may differ in variables that the operation does not declare, and in the caller', async () => {
    await subscribe(await connect('viewer'), 'a', CHANGES, { unused: 1 });
    await subscribe(await connect('expiring'), 'a', CHANGES, { unused: { deeply: 2 } });
    server.publish({ name: 'n', value: 1 });
    for (const socket of sockets) expect(await nextValue(socket)).toBe(1);
    expect(server.contexts).toHaveLength(1);
  });

  test('give each subscriber the events published between its own start and end', async () => {
    const alive = new Map<string, { socket: RawSocket; first: number }>();
    const home = [await connect(), await connect(), await connect()];
    const heard = new Map(home.map((socket) => [socket, new Map<string, number[]>()]));
    const expected = new Map(home.map((socket) => [socket, new Map<string, number[]>()]));
    let value = 0;
    // Each id is used once, so that late events of an ended subscription are not mistaken for another's.
    for (let turn = 0; turn < 120; turn++) {
      const socket = home[turn % 3]!;
      const id = `s${turn}`;
      await subscribe(socket, id);
      alive.set(id, { socket, first: value });
      // Several at a time, so that new subscribers arrive while published events are not executed yet.
      const published = turn % 4;
      for (let more = 0; more < published; more++) server.publish({ name: 'n', value: value++ });
      if (turn % 5 === 4) {
        const [[oldest, { socket: its, first }]] = [...alive] as [[string, { socket: RawSocket; first: number }]];
        await heardUpTo(value);
        await complete(its, oldest);
        alive.delete(oldest);
        expected.get(its)!.set(oldest, range(first, value));
      }
    }
    await heardUpTo(value);
    for (const [id, { socket, first }] of alive) expected.get(socket)!.set(id, range(first, value));
    for (const socket of home) expect(withoutSilent(heard.get(socket)!)).toEqual(withoutSilent(expected.get(socket)!));
    expect(server.contexts).toHaveLength(value);

    /** Resolves once every running subscription has received the last event before `end`, if it is due one. */
    async function heardUpTo(end: number): Promise<void> {
      for (const [id, { socket, first }] of alive) {
        const mine = heard.get(socket)!;
        while (first < end && mine.get(id)?.at(-1) !== end - 1) {
          const message = await socket.next();
          mine.set(message.id, [...(mine.get(message.id) ?? []), message.payload.data.changes.value]);
        }
      }
    }
  });

  test('start anew after the last subscriber has left', async () => {
    const socket = await connect();
    await subscribe(socket, 'a');
    await complete(socket, 'a');
    expect(server.openSources()).toBe(0);
    server.publish({ name: 'n', value: 1 });
    await subscribe(socket, 'b');
    server.publish({ name: 'n', value: 2 });
    expect(await nextValue(socket)).toBe(2);
    expect(server.contexts).toHaveLength(1);
  });

  test('continue for the others after the first subscriber has left in any way', async () => {
    const [first, second] = [await connect('expiring'), await connect('viewer')];
    for (const socket of [first, second]) await subscribe(socket, 'a');
    server.publish({ name: 'n', value: 1 });
    expect([await nextValue(first), await nextValue(second)]).toEqual([1, 1]);
    server.timers.advance(EXPIRING_TOKEN_MS);
    expect((await first.closed).code).toBe(4403);
    await until(() => running() === 1);
    server.publish({ name: 'n', value: 2 });
    expect(await nextValue(second)).toBe(2);
    expect(server.openSources()).toBe(1);
  });

  test('leave no source behind', async () => {
    for (const token of [undefined, 'viewer', 'admin']) {
      const socket = await connect(token);
      await subscribe(socket, 'a');
      await subscribe(socket, 'b');
    }
    expect(server.openSources()).toBe(3);
    for (const { socket } of sockets) socket.terminate();
    await until(() => server.server.sockets.activeConnections === 0);
    expect(running()).toBe(0);
    expect(server.openSources()).toBe(0);
  });
});

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

function withoutSilent(values: Map<string, number[]>): Record<string, number[]> {
  return Object.fromEntries([...values].filter(([, list]) => list.length > 0).sort());
}
