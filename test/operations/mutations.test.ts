import { Cache } from '../../src/cache/index.ts';
import { ResponseCache } from '../../src/operations/response-cache.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { type StubServer, startStubServer, stopStubServers } from '../support/stub-server.ts';

const sockets: RawSocket[] = [];

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  await stopStubServers();
});

const startServer = () => startStubServer({ responses: new ResponseCache(new Cache(), { maxBytes: 1_000_000 }) });

/** Understood as JSON, but not plain enough for the fast path. */
const BY_FASTIFY = { 'content-type': 'application/json; charset=utf-8' };

async function overSocket({ url }: StubServer, query: string): Promise<unknown> {
  const socket = await RawSocket.open(url);
  sockets.push(socket);
  await socket.initialize();
  socket.subscribe('a', query);
  return (await socket.next()).payload;
}

const LANES: Record<string, (server: StubServer, query: string) => Promise<unknown>> = {
  'the fast path': async ({ post }, query) => (await post(query)).json(),
  Fastify: async ({ post }, query) => (await post(query, { headers: BY_FASTIFY })).json(),
  'a WebSocket': overSocket,
};

describe.each(Object.entries(LANES))('Over %s', (_lane, ask) => {
  test('the root fields of a mutation are executed one after the other, each time', async () => {
    const server = await startServer();
    const inOrder = ['a begins', 'a ends', 'b begins', 'b ends'];
    for (let time = 1; time <= 5; time++) {
      await ask(server, 'mutation { b: takeTurn(of: "a") a: takeTurn(of: "b") }');
      expect(server.turns).toEqual(Array.from({ length: time }, () => inOrder).flat());
    }
  });

  test('equal mutations at once are each executed, however often they were before', async () => {
    const server = await startServer();
    const bumped: unknown[] = [];
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 4 }, () => ask(server, 'mutation { bump }')));
      bumped.push(...answers.map((answer) => (answer as { data: { bump: number } }).data.bump));
    }
    expect(bumped.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  });

  test('a mutation that failed is executed once, and fails alike every time', async () => {
    const server = await startServer();
    const answers = [];
    for (let time = 0; time < 5; time++) answers.push(await ask(server, 'mutation { one: bump other: refuse }'));
    expect(answers).toEqual(
      answers.map((_answer, index) => ({
        errors: [
          {
            message: 'There is one already.',
            locations: [{ line: 1, column: 22 }],
            path: ['other'],
            extensions: { code: 'CONFLICT', field: 'input.name' },
          },
        ],
        data: { one: index + 1, other: null },
        extensions: { position: expect.any(String) },
      })),
    );
  });
});

describe.each(['application/json', 'application/graphql-response+json'])('In %s', (accept) => {
  const WITH_VARIABLE = 'mutation ($of: String!) { takeTurn(of: $of) }';

  test('variables of wrong types are refused alike before and after the mutation was executed', async () => {
    const { post, turns } = await startServer();
    const refusal = async () => {
      const response = await post(WITH_VARIABLE, { headers: { accept }, variables: { of: 1 } });
      const { status, headers } = response;
      return [status, headers.get('content-type'), headers.get('x-position'), await response.json()];
    };
    const before = await refusal();
    for (let time = 0; time < 5; time++) await post(WITH_VARIABLE, { variables: { of: 'a' } });
    const executed = turns.length;
    expect(await refusal()).toEqual(before);
    expect(before).toEqual([
      accept === 'application/json' ? 200 : 400,
      `${accept}; charset=utf-8`,
      null,
      {
        errors: [
          {
            message: 'Variable "$of" got invalid value 1; String cannot represent a non string value: 1',
            locations: [{ line: 1, column: 11 }],
            extensions: { code: 'BAD_USER_INPUT', field: 'of' },
          },
        ],
      },
    ]);
    expect(turns).toHaveLength(executed);
  });

  test('an answer has its position and when to come again as headers', async () => {
    const { post } = await startServer();
    for (let time = 0; time < 3; time++) {
      const { status, headers } = await post('mutation { refuse }', { headers: { accept } });
      expect([status, headers.get('retry-after'), headers.get('cache-control')]).toEqual([
        200,
        '7',
        'private, no-store',
      ]);
      expect(headers.get('x-position')).toEqual(expect.any(String));
    }
  });

  test('a mutation that a POST has executed before is refused to a GET', async () => {
    const { post, url } = await startServer();
    await post('mutation { bump }');
    const response = await fetch(`${url}/graphql?query=${encodeURIComponent('mutation { bump }')}`, {
      headers: { accept, 'apollo-require-preflight': 'true' },
    });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await (await post('mutation { bump }')).json()).toMatchObject({ data: { bump: 2 } });
  });
});
