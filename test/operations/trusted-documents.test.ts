import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';
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
  ])('%s', async (_what, text, fault) => {
    const directory = await mkdtemp(join(tmpdir(), 'stationmaster-trusted-documents-'));
    const file = join(directory, 'manifest.json');
    if (text !== undefined) await writeFile(file, text);
    const starting = startStubServer({ config: { persistedQueries: { mode: 'only', file } } });
    await expect(starting).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(new RegExp(`PERSISTED_QUERIES_FILE .*${fault}`)),
    });
    await rm(directory, { recursive: true });
  });
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
    const { url } = await startStubServer({ config: { persistedQueries: { mode: 'off', file: undefined } } });
    const off = { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] };
    expect(await send(url, persisted(idOf(HELLO)))).toMatchObject(off);
    expect(await send(url, { query: HELLO })).toEqual({ data: { hello: 'Hello anonymous' } });
  });
});
