import type { SubscribePayload } from 'graphql-ws';
import type { App } from '../../src/app.ts';
import { type Proxy as DatabaseProxy, startProxy } from '../coherence/proxy.ts';
import { startInstance } from '../support/instance.ts';
import { engine, startTestApp, type TestApp } from '../support/test-app.ts';

/* Clients that read what they wrote, on whichever instance. */

const READ = 'query ($id: ID!) { workstation(id: $id) { name } }';
const RENAME = 'mutation ($id: ID!, $name: String!) { updateWorkstation(id: $id, input: { name: $name }) { name } }';

async function firstId(testApp: TestApp): Promise<string> {
  const { data } = await testApp.ask('{ workstations(first: 1) { nodes { id } } }');
  return data.workstations.nodes[0].id;
}

describe('the answer to a mutation', () => {
  let testApp: TestApp;
  let id: string;

  beforeAll(async () => {
    testApp = await startTestApp({ fleet: { managers: 1, workstations: 3 } });
    id = await firstId(testApp);
  });

  afterAll(() => testApp.close());

  const post = async (body: object, headers: Record<string, string> = {}) =>
    fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await testApp.token('ADMIN')}`,
        ...headers,
      },
      body: JSON.stringify(body),
    });

  test('carries its position, in its extensions and in a header', async () => {
    const response = await post({ query: RENAME, variables: { id, name: 'position 1' } });
    const { extensions } = (await response.json()) as { extensions: { position: string } };
    expect(extensions.position).toMatch(/^[0-9a-f]{8}-[1-9]\d*\.[1-9]\d*\.[0-9a-z]+$/);
    expect(response.headers.get('x-position')).toBe(extensions.position);
  });

  test('carries one when nothing was written, but not when it could not begin', async () => {
    const refused = await testApp.ask(RENAME, { variables: { id: '00000000-0000-7000-8000-000000000000', name: 'x' } });
    expect(refused.extensions).toEqual({ position: expect.any(String) });
    expect((await testApp.ask(RENAME, { variables: { id } })).extensions).toBeUndefined();
    expect((await testApp.ask('{ __typename }')).extensions).toBeUndefined();
  });

  test('carries one over a WebSocket, where a read can ask for it too', async () => {
    const socket = await testApp.connect();
    const ask = async (payload: SubscribePayload) => (await socket.client.iterate(payload).next()).value as any;
    const { extensions } = await ask({ query: RENAME, variables: { id, name: 'position 2' } });
    const read = { query: READ, variables: { id }, extensions: { readAfter: extensions.position } };
    expect((await ask(read)).data).toEqual({ workstation: { name: 'position 2' } });
    await expect(ask({ ...read, extensions: { readAfter: 'nowhere' } })).rejects.toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', field: 'readAfter' } },
    ]);
  });

  test('lets a read with it be answered from the cache on its own instance, without SQL', async () => {
    const { extensions } = await testApp.ask(RENAME, { variables: { id, name: 'position 3' } });
    const read = () => testApp.ask(READ, { variables: { id }, readAfter: extensions!.position as string });
    await read();
    expect(await testApp.countStatements(read)).toBe(0);
  });

  test.each([
    ['POST', () => post({ query: '{ __typename }' }, { 'x-read-after': 'yesterday' })],
    [
      'GET',
      () =>
        fetch(`${testApp.app.url}/graphql?query=%7B__typename%7D`, {
          headers: { 'apollo-require-preflight': '1', 'x-read-after': 'yesterday' },
        }),
    ],
  ])('a %s after what is no position is refused', async (_method, send) => {
    const { errors } = (await (await send()).json()) as any;
    expect(errors[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', field: 'readAfter' } });
  });
});

// The embedded database has one instance only.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('an instance that has not heard of a write on another one yet', () => {
  let writer: TestApp;
  let reader: App;
  let proxy: DatabaseProxy;
  let id: string;
  let turn = 0;

  beforeAll(async () => {
    writer = await startTestApp({
      fleet: { managers: 1, workstations: 3 },
      connectThrough: async (url) => {
        proxy = await startProxy({ host: url.hostname, port: Number(url.port) });
        const proxied = new URL(url);
        proxied.port = String(proxy.port);
        startReader = async () => startInstance({ DATABASE_URL: proxied.href });
        return url;
      },
    });
    reader = await startReader();
    id = await firstId(writer);
  });

  let startReader: () => Promise<App>;

  afterAll(async () => {
    await reader.close();
    await writer.close();
    await proxy.close();
  });

  async function read(readAfter?: string): Promise<string> {
    const response = await fetch(`${reader.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(readAfter && { 'x-read-after': readAfter }) },
      body: JSON.stringify({ query: READ, variables: { id } }),
    });
    return ((await response.json()) as any).data.workstation.name;
  }

  /** Renames on the one instance while the other, which has the old name in its cache, hears nothing. */
  async function renameUnheard() {
    const live = Promise.withResolvers<void>();
    const unfollow = reader.feed.follow({ onLive: () => live.resolve() });
    if (reader.feed.state !== 'live') await live.promise;
    unfollow();
    await reader.feed.proveNow();
    const before = await read();
    proxy.freeze('feed');
    turn += 1;
    const name = `unheard ${turn}`;
    const { extensions } = await writer.ask(RENAME, { variables: { id, name } });
    return { before, name, position: extensions!.position as string };
  }

  test('shows the old row, and with the position the new one, which it asks the database for after a second', async () => {
    const { before, name, position } = await renameUnheard();
    expect(await read()).toBe(before);
    expect(await read(position)).toBe(name);
    proxy.restore();
  });

  test('waits for the announcement if that comes within the second', async () => {
    const { name, position } = await renameUnheard();
    const answer = read(position);
    proxy.restore();
    expect(await answer).toBe(name);
  });
});
