import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { jest } from '@jest/globals';
import type { ValidationRule } from 'graphql';
import { Cache } from '../../src/cache/index.ts';
import { StationmasterError } from '../../src/errors.ts';
import type { AdmittedOperation, OperationMiddleware } from '../../src/operations/operation.ts';
import { ResponseCache } from '../../src/operations/response-cache.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { type StubServer, startStubServer, stopStubServers } from '../support/stub-server.ts';

const sockets: RawSocket[] = [];

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.terminate();
  await stopStubServers();
});

type Options = Parameters<typeof startStubServer>[0];

/** A server that stores responses; of the stub's fields those to `__typename` alone. */
function startServer(options: Options = {}): Promise<StubServer> {
  return startStubServer({ responses: new ResponseCache(new Cache(), { maxBytes: 1_000_000 }), ...options });
}

const idOf = (query: string) => createHash('sha256').update(query).digest('hex');
const PREFLIGHTED = { 'apollo-require-preflight': 'true' };
/** Understood as JSON, but not plain enough for the fast path. */
const BY_FASTIFY = { 'content-type': 'application/json; charset=utf-8' };

async function overSocket({ url }: StubServer, query: string): Promise<Record<string, unknown>> {
  const socket = await RawSocket.open(url);
  sockets.push(socket);
  await socket.initialize();
  socket.subscribe('a', query);
  return socket.next();
}

/** Every way in which an operation can be answered. `hello` is executed each time; `__typename` is stored. */
const LANES: Record<string, (server: StubServer) => Promise<unknown>> = {
  'the fast path, on first sight': ({ post }) => post('{ hello }'),
  'the fast path, from a compiled query': async ({ post }) => {
    for (let time = 0; time < 5; time++) await post('{ hello }');
  },
  'the fast path, from the response cache': async ({ post }) => {
    for (let time = 0; time < 2; time++) await post('{ __typename }');
  },
  'Fastify over POST': async ({ post }) => {
    for (let time = 0; time < 2; time++) await post('{ __typename }', { headers: BY_FASTIFY });
  },
  'Fastify over GET': async ({ url }) => {
    for (let time = 0; time < 2; time++) await fetch(`${url}/graphql?query={__typename}`, { headers: PREFLIGHTED });
  },
  'a persisted query': async ({ url }) => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: idOf('{ hello }') } };
    for (const body of [{ query: '{ hello }', extensions }, { extensions }]) {
      const headers = { 'content-type': 'application/json' };
      await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) });
    }
  },
  'a query over a WebSocket': (server) => overSocket(server, '{ hello }'),
  'a cached response over a WebSocket': async (server) => {
    for (let time = 0; time < 2; time++) await overSocket(server, '{ __typename }');
  },
  'a mutation': ({ post }) => post('mutation { bump }'),
  'a mutation over a WebSocket': (server) => overSocket(server, 'mutation { bump }'),
  'a document with an error': ({ post }) => post('{ nothing }'),
  'the start of a subscription': (server) => overSocket(server, 'subscription { forbidden }'),
};

describe('A middleware', () => {
  test.each(Object.entries(LANES))('sees every operation on the lane: %s', async (lane, ask) => {
    const seen: AdmittedOperation[] = [];
    const middleware: OperationMiddleware = (operation, next) => {
      seen.push(operation);
      return next();
    };
    await ask(await startServer({ middlewares: [middleware] }));
    const times = /compiled/.test(lane) ? 5 : /response cache|Fastify|persisted|cached response/.test(lane) ? 2 : 1;
    expect(seen).toHaveLength(times);
    expect(seen[0]!.identity.subject).toBe('anonymous');
  });

  test.each(Object.entries(LANES))('may refuse an operation on the lane: %s', async (_lane, ask) => {
    const refuse: OperationMiddleware = () => {
      throw new StationmasterError('FORBIDDEN', 'Closed for today.');
    };
    const server = await startServer({ middlewares: [refuse] });
    await ask(server);
    expect(server.contexts).toEqual([]);
    const response = await server.post('{ __typename }');
    expect([response.status, await response.json()]).toEqual([
      403,
      { errors: [{ message: 'Closed for today.', extensions: { code: 'FORBIDDEN' } }] },
    ]);
    expect(await overSocket(server, '{ __typename }')).toMatchObject({
      type: 'error',
      payload: [{ message: 'Closed for today.', extensions: { code: 'FORBIDDEN' } }],
    });
  });

  test('stands around those behind it, and gets a cached response at once', async () => {
    const order: string[] = [];
    const named =
      (name: string): OperationMiddleware =>
      (_operation, next) => {
        order.push(`${name} before`);
        const outcome = next();
        order.push(`${name} ${outcome instanceof Promise ? 'promise' : 'at once'}`);
        return outcome;
      };
    const known = { subject: 'known', roles: ['VIEWER'], isAnonymous: true, expiresAtMs: null } as const;
    const identify = Object.assign(async () => known, { known: () => known });
    const { post } = await startServer({ identify, middlewares: [named('outer'), named('inner')] });
    await post('{ __typename }');
    await post('{ __typename }');
    expect(order).toEqual(
      ['promise', 'at once'].flatMap((how) => ['outer before', 'inner before', `inner ${how}`, `outer ${how}`]),
    );
  });
});

/** A rule that counts how often documents are validated. */
function countValidations(): { rule: ValidationRule; count: () => number } {
  let count = 0;
  const rule: ValidationRule = () => {
    count += 1;
    return {};
  };
  return { rule, count: () => count };
}

describe('A document is parsed and validated once', () => {
  test.each(['{ hello }', 'mutation { bump }', '{ nothing }'])('for all transports: %s', async (query) => {
    const { rule, count } = countValidations();
    const server = await startServer({ validationRules: [rule] });
    for (let time = 0; time < 3; time++) {
      await server.post(query);
      await server.post(query, { headers: BY_FASTIFY });
      await overSocket(server, query);
    }
    expect(count()).toBe(1);
  });

  test('for every subscription to it', async () => {
    const { rule, count } = countValidations();
    const server = await startServer({ validationRules: [rule] });
    for (let time = 0; time < 3; time++) await overSocket(server, 'subscription { forbidden }');
    expect(count()).toBe(1);
  });
});

test('the body of a mutation is parsed once, and looked up once in the response cache', async () => {
  const responses = new ResponseCache(new Cache(), { maxBytes: 1_000_000 });
  const lookUp = jest.spyOn(responses, 'get');
  const parse = jest.spyOn(JSON, 'parse');
  const { post } = await startServer({ responses });
  const response = await post('mutation { bump }');
  expect(lookUp).toHaveBeenCalledTimes(1);
  expect(parse.mock.calls.filter(([text]) => text.includes('bump'))).toHaveLength(1);
  parse.mockRestore();
  expect(await response.json()).toEqual({ data: { bump: 1 }, extensions: { position: expect.any(String) } });
});

describe('A cached response', () => {
  test('answers a WebSocket that asks the same as an HTTP request did', async () => {
    const responses = new ResponseCache(new Cache(), { maxBytes: 1_000_000 });
    const keep = jest.spyOn(responses, 'keep');
    const server = await startServer({ responses });
    expect(await (await server.post('{ __typename }')).json()).toEqual({ data: { __typename: 'Query' } });
    const message = await overSocket(server, '{ __typename }');
    expect(message).toEqual({ id: 'a', type: 'next', payload: { data: { __typename: 'Query' } } });
    expect(await sockets[0]!.next()).toEqual({ id: 'a', type: 'complete' });
    expect(keep).toHaveBeenCalledTimes(1);
  });

  test('is found whatever media type its client prefers', async () => {
    const responses = new ResponseCache(new Cache(), { maxBytes: 1_000_000 });
    const keep = jest.spyOn(responses, 'keep');
    const { post } = await startServer({ responses });
    const types = [];
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      types.push((await post('{ __typename }', { headers: { accept } })).headers.get('content-type'));
    }
    expect(types).toEqual(['application/json; charset=utf-8', 'application/graphql-response+json; charset=utf-8']);
    expect(keep).toHaveBeenCalledTimes(1);
  });
});

/** The head of the response to a plain request. Node's own responses begin the names of some headers in capitals. */
async function headOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname });
  const body = JSON.stringify({ query: '{ __typename }' });
  const lines = ['POST /graphql HTTP/1.1', 'host: x', 'content-type: application/json'];
  socket.write([...lines, `content-length: ${body.length}`, '', body].join('\r\n'));
  const [head] = await once(socket, 'data');
  socket.destroy();
  return String(head).split('\r\n\r\n')[0]!;
}

describe('The fast path', () => {
  // The log of these servers is at `debug`.
  test.each<[what: string, options: Options, isServed: boolean]>([
    ['while requests are logged', { config: { httpFastPath: true } }, true],
    ['without a response cache', { config: { httpFastPath: true }, responses: undefined }, true],
    ['but not when it is off', { config: { httpFastPath: false } }, false],
  ])('serves plain requests, %s', async (_what, options, isServed) => {
    const { url } = await startServer(options);
    expect((await headOf(url)).includes('\r\ndate: ')).toBe(isServed);
  });

  test('logs its requests as Fastify does', async () => {
    const logs = [];
    for (const httpFastPath of [true, false]) {
      const { log, post } = await startServer({ config: { httpFastPath } });
      for (let time = 0; time < 2; time++) await post('{ __typename }', { headers: { 'x-request-id': 'mine' } });
      await post('{ __typename', { authorization: 'Bearer bad', headers: { 'x-request-id': 'mine' } });
      while (log.filter(({ msg }) => msg === 'http request').length < 3) await new Promise(setImmediate);
      logs.push(log.map(({ time: _time, durationMs: _durationMs, pid: _pid, ...line }) => line));
    }
    expect(logs[0]).toEqual(logs[1]);
    expect(logs[0]).toHaveLength(6);
  });

  test('sends the headers that Fastify sends, in every outcome', async () => {
    const outcomes: [string, Record<string, string>][] = [
      ['{ __typename }', {}],
      ['{ hello }', { origin: 'https://app.example' }],
      ['{ nothing }', { accept: 'application/graphql-response+json' }],
      ['mutation { bump }', { origin: 'https://evil.example' }],
      ['{ hello }', { authorization: 'Bearer bad' }],
      ['{ hello }', { authorization: 'Bearer unverifiable', origin: 'https://app.example' }],
    ];
    const heads = [];
    for (const httpFastPath of [true, false]) {
      const { post } = await startServer({ config: { httpFastPath } });
      const found = [];
      for (const [query, headers] of outcomes) {
        const response = await post(query, { headers: { 'x-request-id': 'mine', ...headers } });
        found.push([response.status, Object.fromEntries(response.headers), await response.text()]);
      }
      heads.push(JSON.parse(JSON.stringify(found).replace(/"date":"[^"]*"/g, '"date":""')));
    }
    expect(heads[0]).toEqual(heads[1]);
  });
});

describe('Ten mistakes of one kind on one field are one error', () => {
  const directives = Array.from({ length: 10 }, (_, index) => `@unknown${index}`).join(' ');
  const QUERIES: [string, string, number][] = [
    ['the same unknown directive', `{ hello ${'@unknown '.repeat(10)} }`, 10],
    ['ten unknown directives', `{ hello ${directives} }`, 10],
    ['a directive that may come once', `{ hello ${'@skip(if: false) '.repeat(11)} }`, 11],
    ['unknown arguments', `{ hello(${Array.from({ length: 10 }, (_, index) => `a${index}: 1`)}) }`, 10],
  ];

  test.each(QUERIES)('%s, over HTTP and WebSockets', async (_what, query, places) => {
    const server = await startServer();
    const { errors } = (await (await server.post(query)).json()) as { errors: { locations: unknown[] }[] };
    expect(errors).toHaveLength(1);
    expect(errors[0]!.locations).toHaveLength(places);
    expect(await overSocket(server, query)).toMatchObject({ type: 'error', payload: errors });
  });

  test('but not on several fields, nor several unknown fields', async () => {
    const { post } = await startServer();
    for (const query of ['{ hello @a broken @a }', '{ one two }']) {
      expect(((await (await post(query)).json()) as { errors: unknown[] }).errors).toHaveLength(2);
    }
  });
});
