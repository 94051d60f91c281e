import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { type StubServer, startStubServer, stopStubServers, until } from '../support/stub-server.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const idOf = (body: string) => createHash('sha256').update(body).digest('hex');
const persisted = (sha256Hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });
const refusal = { errors: [{ message: expect.any(String), extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST' } }] };

describe('where only listed operations are executed', () => {
  const LIST = 'query List($first: Int!) { workstations(first: $first) { nodes { name } } }';
  const COUNT = 'query Count { workstations { totalCount } }';
  const CREATED = 'subscription Created { workstationChanged { kind } }';
  const NAMED = 'subscription Named { workstationChanged { workstation { name } } }';
  const UNLISTED = '{ workstations { nodes { id } } }';

  let directory: string;
  let testApp: TestApp;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stationmaster-trusted-documents-'));
    const file = join(directory, 'manifest.json');
    const operations = [LIST, COUNT, CREATED, NAMED].map((body) => ({ id: idOf(body), body, name: '', type: '' }));
    await writeFile(file, JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }));
    testApp = await startTestApp({
      fleet: { managers: 1, workstations: 1 },
      env: { PERSISTED_QUERIES: 'only', PERSISTED_QUERIES_FILE: file, ANONYMOUS_ROLE: 'ADMIN' },
    });
  });

  afterAll(async () => {
    await testApp.close();
    await rm(directory, { recursive: true });
  });

  const send = (body: object) =>
    fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const get = (parameters: Record<string, string>) =>
    fetch(`${testApp.app.url}/graphql?${new URLSearchParams(parameters)}`, {
      headers: { 'apollo-require-preflight': 'true' },
    });
  const nodes = { data: { workstations: { nodes: [{ name: expect.any(String) }] } } };

  test('one is requested by its id', async () => {
    const response = await send({ ...persisted(idOf(LIST)), variables: { first: 1 } });
    expect(await response.json()).toEqual(nodes);
  });

  test('one is requested by exactly its text, with or without its id', async () => {
    expect(await (await send({ query: LIST, variables: { first: 1 } })).json()).toEqual(nodes);
    expect(await (await send({ query: LIST, ...persisted(idOf(LIST)), variables: { first: 1 } })).json()).toEqual(
      nodes,
    );
  });

  test('one is requested over GET', async () => {
    const extensions = JSON.stringify(persisted(idOf(COUNT)).extensions);
    expect(await (await get({ extensions })).json()).toEqual({ data: { workstations: { totalCount: 1 } } });
    expect(await (await get({ query: COUNT })).json()).toEqual({ data: { workstations: { totalCount: 1 } } });
  });

  test.each<[string, object]>([
    ['another text', { query: UNLISTED }],
    ['a listed text with a blank more', { query: `${COUNT} ` }],
    ['an unknown id', persisted(idOf(UNLISTED))],
    ['an unknown id with its text, as clients register it', { query: UNLISTED, ...persisted(idOf(UNLISTED)) }],
    ['a listed id with another text', { query: UNLISTED, ...persisted(idOf(COUNT)) }],
    ['a name of every object', persisted('__proto__')],
    ['the schema', { query: '{ __schema { types { name } } }' }],
    ['a text that is no GraphQL', { query: '{' }],
    ['nothing', { variables: {} }],
  ])('%s is refused, before any SQL', async (_what, body) => {
    const statements = await testApp.countStatements(async () => {
      const response = await send(body);
      expect(response.status).toBe(403);
      expect(await response.json()).toEqual(refusal);
    });
    expect(statements).toBe(0);
  });

  test.each<[string, Record<string, string>]>([
    ['another text', { query: UNLISTED }],
    ['an unknown id', { extensions: JSON.stringify(persisted(idOf(UNLISTED)).extensions) }],
    ['what cannot be read', { extensions: '{' }],
  ])('%s is refused over GET', async (_what, parameters) => {
    expect(await (await get(parameters)).json()).toEqual(refusal);
  });

  describe('over a WebSocket', () => {
    const connect = () =>
      createClient({
        url: `${testApp.app.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
      });
    type Payload = Parameters<ReturnType<typeof connect>['iterate']>[0];

    test.each<[string, Payload]>([
      ['its text', { query: COUNT }],
      ['its id', { query: '', ...persisted(idOf(COUNT)) }],
      ['its id alone', { query: '', extensions: { persistedQuery: idOf(COUNT) } }],
    ])('one is requested by %s', async (_what, payload) => {
      const client = connect();
      expect((await client.iterate(payload).next()).value).toEqual({ data: { workstations: { totalCount: 1 } } });
      await client.dispose();
    });

    test.each<[string, Payload]>([
      ['another text', { query: UNLISTED }],
      ['an unknown id', { query: '', ...persisted(idOf(UNLISTED)) }],
      ['another subscription', { query: 'subscription { workstationChanged { id } }' }],
      ['nothing', { query: '' }],
    ])('%s is refused', async (_what, payload) => {
      const client = connect();
      const errors = await client
        .iterate(payload)
        .next()
        .catch((reason: unknown) => reason);
      expect(errors).toEqual(refusal.errors);
      await client.dispose();
    });

    test('subscriptions that differ only in their id are distinguished', async () => {
      const client = connect();
      const created = client.iterate({ query: '', ...persisted(idOf(CREATED)) });
      const named = client.iterate({ query: '', ...persisted(idOf(NAMED)) });
      const events = Promise.all([created.next(), named.next()]);
      while ((await subscriptions(testApp)) < 2) await new Promise(setImmediate);
      await testApp.sql("update workstation set operating_system = 'Plan 9'");
      const [first, second] = await events;
      expect(first.value).toEqual({ data: { workstationChanged: { kind: 'UPDATED' } } });
      expect(second.value).toEqual({ data: { workstationChanged: { workstation: { name: expect.any(String) } } } });
      await client.dispose();
    });
  });
});

async function subscriptions({ app }: TestApp): Promise<number> {
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  return Number(/^\w*subscriptions\w* (\d+)$/m.exec(metrics)![1]);
}

describe('a server does not start with a list that', () => {
  test.each([
    ['is not there', undefined, 'cannot be read'],
    ['is not JSON', '{', 'is not JSON'],
    ['is of another format', '{"operations":[]}', 'is not a manifest'],
    ['is null', 'null', 'is not a manifest'],
    [
      'has an operation without a text',
      '{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"1"}]}',
      'lists an operation without',
    ],
    ['is a list of texts', '["{ hello }"]', 'is not a manifest'],
    ['maps an id to something else than a text', '{"1":"{ hello }","2":{"text":"{ hello }"}}', '"2" has no text'],
  ])('%s', async (_what, text, fault) => {
    const directory = await mkdtemp(join(tmpdir(), 'stationmaster-trusted-documents-'));
    const file = join(directory, 'manifest.json');
    if (text !== undefined) await writeFile(file, text);
    const starting = startStubServer({ config: { persistedQueries: { mode: 'only', file, exceptAdmin: false } } });
    await expect(starting).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(new RegExp(`PERSISTED_QUERIES_FILE .*${fault}`)),
    });
    await rm(directory, { recursive: true });
  });
});

describe.each([true, false])('a list, with httpFastPath %s,', (httpFastPath) => {
  const HELLO = '{ hello }';
  const NAMED = 'query Named { hello(name: "list") }';
  const hello = { data: { hello: 'Hello anonymous' } };
  const named = { data: { hello: 'Hello list' } };

  let directory: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stationmaster-trusted-documents-'));
    file = join(directory, 'list.json');
  });

  afterEach(async () => {
    await stopStubServers();
    await rm(directory, { recursive: true });
  });

  async function start(list: object | string, exceptAdmin = false): Promise<StubServer> {
    await writeFile(file, typeof list === 'string' ? list : JSON.stringify(list));
    return startStubServer({ config: { httpFastPath, persistedQueries: { mode: 'only', file, exceptAdmin } } });
  }

  async function send({ url }: StubServer, body: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return response.json();
  }

  /** Lets the server look at the file until it has logged that. */
  async function untilLogged({ log, timers }: StubServer, message: RegExp): Promise<void> {
    await until(() => {
      timers.advance(1000);
      return log.some(({ msg }) => message.test(String(msg)));
    });
  }

  test.each([
    ['of Relay, by MD5', { '5a8dd3ad0756f93ded72b823b19dd877': HELLO }, '5a8dd3ad0756f93ded72b823b19dd877'],
    ['of GraphQL Code Generator, by SHA-1', { '1b1c1e7a': HELLO }, '1b1c1e7a'],
    ['with names as ids', { 'app/Hello@3': HELLO }, 'app/Hello@3'],
    ['with a prefix in it', { [`sha256:${idOf(HELLO)}`]: HELLO }, `sha256:${idOf(HELLO)}`],
    ['with a prefix in the request', { [idOf(HELLO)]: HELLO }, `sha256:${idOf(HELLO)}`],
    ['with a byte order mark', `\ufeff${JSON.stringify({ a: HELLO })}`, 'a'],
    ['with ids named as properties of every object', '{"__proto__":"{ hello }","format":"{ hello }"}', '__proto__'],
  ])('a map %s, is asked for by any name of an id', async (_what, list, id) => {
    const server = await start(list);
    for (const asked of [{ documentId: id }, { doc_id: id }, { documentId: id, doc_id: id }, persisted(id)]) {
      expect(await send(server, asked)).toEqual(hello);
    }
    expect(await send(server, { documentId: id, query: HELLO })).toEqual(hello);
    for (const name of ['documentId', 'doc_id']) {
      const search = new URLSearchParams({ [name]: id, variables: '' });
      const headers = { 'graphql-require-preflight': '1' };
      expect(await (await fetch(`${server.url}/graphql?${search}`, { headers })).json()).toEqual(hello);
    }
  });

  test.each([
    ['an unknown id', { documentId: 'c' }],
    ['a listed id with another text', { documentId: 'a', query: NAMED }],
    ['two ids', { documentId: 'a', doc_id: 'b' }],
    ['an id and another hash', { documentId: 'a', ...persisted('b') }],
    ['an id that is no text', { documentId: 7 }],
    ['a property of every object', { documentId: 'constructor' }],
  ])('refuses %s', async (_what, body) => {
    const server = await start({ a: HELLO, b: NAMED });
    expect(await send(server, body)).toEqual(refusal);
  });

  test('is asked for by documentId over a WebSocket', async () => {
    const { url } = await start({ a: HELLO });
    const client = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket });
    expect((await client.iterate({ query: '', documentId: 'a' } as { query: string }).next()).value).toEqual(hello);
    await client.dispose();
  });

  test('is read again when it changes', async () => {
    const server = await start({ a: HELLO });
    expect(await send(server, { documentId: 'b' })).toEqual(refusal);
    await writeFile(join(directory, 'new.json'), JSON.stringify({ b: NAMED }));
    await rename(join(directory, 'new.json'), file);
    await untilLogged(server, /read again/);
    expect(await send(server, { documentId: 'b' })).toEqual(named);
    expect(await send(server, { documentId: 'a' })).toEqual(refusal);
    expect(await send(server, { query: HELLO })).toEqual(refusal);
  });

  test.each<[string, () => Promise<void>]>([
    ['broken', () => writeFile(file, '{"b":')],
    ['of another format', () => writeFile(file, '{"b":1}')],
    ['gone', () => rm(file)],
  ])('stays as it was while the file is %s, with one line in the log', async (_what, damage) => {
    const server = await start({ a: HELLO });
    await damage();
    await untilLogged(server, /stays as it was/);
    for (let time = 0; time < 10; time++) {
      server.timers.advance(1000);
      await new Promise(setImmediate);
    }
    expect(await send(server, { documentId: 'a' })).toEqual(hello);
    const lines = server.log.filter(({ msg }) => /stays as it was/.test(String(msg)));
    expect(lines).toMatchObject([
      { msg: expect.stringMatching(/^The list .* stays as it was\. PERSISTED_QUERIES_FILE must.*\.$/) },
    ]);
    await writeFile(file, JSON.stringify({ b: NAMED }));
    await untilLogged(server, /read again/);
    expect(await send(server, { documentId: 'b' })).toEqual(named);
  });

  test('may except ADMIN, and nobody else', async () => {
    const server = await start({ a: HELLO }, true);
    const admin = { authorization: 'Bearer admin' };
    expect(await send(server, { query: NAMED }, admin)).toEqual(named);
    expect(await send(server, { query: NAMED, ...persisted(idOf(NAMED)) }, admin)).toEqual(named);
    expect(await send(server, { documentId: 'b' }, admin)).toEqual(refusal);
    expect(await send(server, { documentId: 'a', query: NAMED }, admin)).toEqual(refusal);
    for (const authorization of [undefined, 'Bearer viewer']) {
      expect(await send(server, { query: NAMED }, authorization ? { authorization } : {})).toEqual(refusal);
    }
  });

  test('excepts nobody by default', async () => {
    const server = await start({ a: HELLO });
    expect(await send(server, { query: NAMED }, { authorization: 'Bearer admin' })).toEqual(refusal);
  });
});

test('a cached response is not given to a request whose document is off the list', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stationmaster-trusted-documents-'));
  const file = join(directory, 'list.json');
  const COUNT = 'query Count { workstations { totalCount } }';
  const NAMES = 'query Count { workstations { nodes { name } } }';
  await writeFile(file, JSON.stringify({ a: COUNT }));
  const env = { PERSISTED_QUERIES: 'only', PERSISTED_QUERIES_FILE: file, ANONYMOUS_ROLE: 'VIEWER' };
  const testApp = await startTestApp({ env });
  const ask = async () => {
    const response = await fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"documentId":"a"}',
    });
    return JSON.stringify(await response.json());
  };
  expect(await ask()).toBe('{"data":{"workstations":{"totalCount":0}}}');
  expect(await ask()).toBe('{"data":{"workstations":{"totalCount":0}}}');
  await writeFile(file, JSON.stringify({ a: NAMES }));
  while ((await ask()).includes('totalCount')) await new Promise(setImmediate);
  expect(await ask()).toBe('{"data":{"workstations":{"nodes":[]}}}');
  await testApp.close();
  await rm(directory, { recursive: true });
});

describe('elsewhere', () => {
  afterEach(stopStubServers);

  const HELLO = '{ hello }';

  async function send(url: string, body: object) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.json();
  }

  test('a hash may replace a query that was sent with it before, if that is on', async () => {
    const { url } = await startStubServer();
    const unknown = { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] };
    expect(await send(url, persisted(idOf(HELLO)))).toMatchObject(unknown);
    await send(url, { query: HELLO, ...persisted(idOf(HELLO)) });
    expect(await send(url, persisted(idOf(HELLO)))).toEqual({ data: { hello: 'Hello anonymous' } });
  });

  test('a hash of another text is refused', async () => {
    const { url } = await startStubServer();
    expect(await send(url, { query: HELLO, ...persisted(idOf('{ refused }')) })).toMatchObject({
      errors: [{ extensions: { code: expect.any(String) } }],
    });
    expect(await send(url, persisted(idOf('{ refused }')))).toMatchObject({
      errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    });
  });

  test('clients get an error if that is off', async () => {
    const { url } = await startStubServer({
      config: { persistedQueries: { mode: 'off', file: undefined, exceptAdmin: false } },
    });
    const off = { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] };
    expect(await send(url, persisted(idOf(HELLO)))).toMatchObject(off);
    expect(await send(url, { query: HELLO })).toEqual({ data: { hello: 'Hello anonymous' } });
  });
});
