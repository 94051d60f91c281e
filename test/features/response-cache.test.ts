import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

const LIST = '{ workstations(first: 5) { totalCount nodes { id name manager { name } } } }';
const STATS = '{ cacheStats { hits misses layers { name hits misses size } } }';

let testApp: TestApp;
let url: string;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 3, workstations: 20 } });
  url = `${testApp.app.url}/graphql`;
});

afterAll(() => testApp.close());

beforeEach(() => testApp.app.cache.clear());

/** The statistics of the response cache. */
const kept = () => testApp.app.cache.getStats().layers.find(({ name }) => name === 'responses')!;

/** The number of requests of `work` answered from the response cache. */
async function countHits(work: () => Promise<unknown>): Promise<number> {
  const before = kept().hits;
  await work();
  return kept().hits - before;
}

async function get(query: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}?query=${encodeURIComponent(query)}`, {
    headers: {
      authorization: `Bearer ${await testApp.token('VIEWER')}`,
      'apollo-require-preflight': 'true',
      ...headers,
    },
  });
}

const firstIds = async () => (await ask(LIST)).data.workstations.nodes.map(({ id }: { id: string }) => id);

describe('A cached response', () => {
  test('is served again for the same request', async () => {
    const first = await ask(LIST);
    let again: unknown;
    const hits = await countHits(async () => {
      again = await ask(LIST);
    });
    expect(hits).toBe(1);
    expect(again).toEqual(first);
  });

  test('is not served for a request with other variables', async () => {
    const query = 'query ($first: Int) { workstations(first: $first) { nodes { id } } }';
    const sizes = [];
    for (const first of [1, 2, 1])
      sizes.push((await ask(query, { variables: { first } })).data.workstations.nodes.length);
    expect(sizes).toEqual([1, 2, 1]);
  });

  test.each([
    [
      'a workstation in it is renamed',
      (id: string) => [`update workstation set name = 'renamed-' || name where id = $1`, id],
    ],
    ['a workstation in it is deleted', (id: string) => ['delete from workstation where id = $1', id]],
    ['a manager in it is renamed', () => [`update manager set name = 'M ' || name`]],
    [
      'a workstation is added before its first',
      () => [
        `insert into workstation (id, name, hostname, ip_address, operating_system) values
        ('f1890000-0000-7000-8000-000000000000', 'added', 'h', '10.0.0.1', 'Linux')`,
      ],
    ],
  ] as const)('is not served once %s, by any program', async (_name, statement) => {
    const before = await ask(LIST);
    const [text, ...values] = statement((await firstIds())[0]!) as [string, ...unknown[]];
    await testApp.sql(text, values);
    await testApp.waitUntilHeard();
    expect(kept().size).toBe(0);
    const after = await ask(LIST);
    expect(after).not.toEqual(before);
    testApp.app.cache.clear();
    expect(after).toEqual(await ask(LIST));
  });

  test('is still served after an unrelated change', async () => {
    await ask(LIST);
    const ids = await firstIds();
    await testApp.sql('update workstation set cpu_usage = 50 where not id = any($1::uuid[])', [ids]);
    await testApp.waitUntilHeard();
    expect(await countHits(() => ask(LIST))).toBe(1);
  });

  test('is not served after the TTL of its parts', async () => {
    await ask(LIST);
    testApp.clock.advanceSeconds(299);
    expect(await countHits(() => ask(LIST))).toBe(1);
    testApp.clock.advanceSeconds(1);
    expect(await countHits(() => ask(LIST))).toBe(0);
  });

  test('is not served while the change feed is down', async () => {
    await ask(LIST);
    testApp.app.cache.suspend();
    expect(await countHits(() => ask(LIST))).toBe(0);
    testApp.app.cache.resume();
    expect(kept().size).toBe(0);
  });

  test('is dropped when an admin clears the cache or invalidates a part of it', async () => {
    await ask(LIST);
    await ask('mutation { invalidateCache(pattern: "managers_*") { entriesRemoved } }');
    expect(kept().size).toBe(0);
    await ask(LIST);
    await ask('mutation { clearCache { entriesRemoved } }');
    expect(kept().size).toBe(0);
    expect(await countHits(() => ask(LIST))).toBe(0);
  });
});

describe('Authorization comes first:', () => {
  test('a cached response is not served to a caller without the role', async () => {
    await ask(LIST, { role: 'VIEWER' });
    expectRefusal(await ask(LIST, { role: 'AGENT' }), 'FORBIDDEN');
    expectRefusal(await ask(LIST, { role: null }), 'UNAUTHENTICATED');
  });

  test('each set of roles has its own cached responses', async () => {
    await ask(LIST, { role: 'VIEWER' });
    expect(await countHits(() => ask(LIST, { role: 'OPERATOR' }))).toBe(0);
    expect(await countHits(() => ask(LIST, { role: 'VIEWER' }))).toBe(1);
  });

  test('a bad token is refused although a response is cached', async () => {
    await ask(LIST, { role: 'VIEWER' });
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await testApp.token('VIEWER', -1)}` },
      body: JSON.stringify({ query: LIST }),
    });
    expect(response.status).toBe(401);
  });
});

describe('No response is cached for', () => {
  test.each([
    [
      'an answer with an error',
      '{ workstations(first: 5) { nodes { id } } bad: workstations(first: 0) { nodes { id } } }',
    ],
    ['figures of the cache', '{ workstations(first: 5) { nodes { id } } cacheStats { hits } }'],
    ['figures behind a fragment', '{ ...stats } fragment stats on Query { ... { cacheStats { hits } } }'],
    ['the schema', '{ __schema { queryType { name } } }'],
    ['a mutation', 'mutation { reportTelemetry(readings: []) { stored } }'],
  ])('%s', async (_name, document) => {
    await ask(document);
    expect(kept().size).toBe(0);
    expect(await countHits(() => ask(document))).toBe(0);
  });
});

describe('Over GET', () => {
  test('a response has a strong ETag and is private, and the client must revalidate it each time', async () => {
    for (const response of [await get(LIST), await get(LIST)]) {
      expect(response.headers.get('etag')).toMatch(/^"[\w-]+"$/);
      expect(response.headers.get('cache-control')).toBe('private, no-cache');
      expect(response.headers.get('vary')).toMatch(/Authorization/);
    }
    expect(kept().hits).toBeGreaterThan(0);
  });

  test('304 is returned until something changes', async () => {
    const etag = (await get(LIST)).headers.get('etag')!;
    const unchanged = await get(LIST, { 'if-none-match': `"other", ${etag}` });
    expect(unchanged.status).toBe(304);
    expect(await unchanged.text()).toBe('');
    await testApp.sql(`update workstation set name = 'X' || name`);
    await testApp.waitUntilHeard();
    const changed = await get(LIST, { 'if-none-match': etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
  });

  test('an error has no ETag and must not be stored', async () => {
    const response = await get('{ workstations(first: 0) { totalCount } }');
    expect(response.headers.get('etag')).toBeNull();
    expect(response.headers.get('cache-control')).toBe('private, no-store');
  });

  test('a request that any web page could send is refused although a response is cached', async () => {
    await get(LIST);
    const response = await fetch(`${url}?query=${encodeURIComponent(LIST)}`);
    expect(response.status).toBe(400);
  });
});

test('a persisted query is answered again by its hash alone', async () => {
  const sha256Hash = createHash('sha256').update(LIST).digest('hex');
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${await testApp.token('VIEWER')}`,
  };
  const post = async (body: object) =>
    (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json() as Promise<any>;
  const extensions = { persistedQuery: { version: 1, sha256Hash } };
  const first = await post({ query: LIST, extensions });
  expect(await post({ extensions })).toEqual(first);
  expect(await countHits(() => post({ extensions }))).toBe(1);
});

describe('x-cache-debug', () => {
  const debug = async (role: 'ADMIN' | 'OPERATOR') => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await testApp.token(role)}`,
        'x-cache-debug': '1',
      },
      body: JSON.stringify({ query: '{ workstations(first: 1) { nodes { id } } }' }),
    });
    return (await response.json()) as any;
  };

  test('shows an admin whether it was a hit, its age and its parts', async () => {
    const { data, extensions } = await debug('ADMIN');
    expect(extensions.cache).toMatchObject({ response: 'miss', reads: { hits: 1, misses: 1 } });
    testApp.clock.advanceSeconds(7);
    const again = await debug('ADMIN');
    expect(again.data).toEqual(data);
    expect(again.extensions.cache).toEqual({
      response: 'hit',
      ageSeconds: 7,
      parts: ['workstations_list_CREATED_AT_DESC_1_{}', `workstations_${data.workstations.nodes[0].id}`],
    });
  });

  test('shows others nothing', async () => {
    expect((await debug('OPERATOR')).extensions).toBeUndefined();
  });
});

test('the statistics count a cached response as one hit', async () => {
  await ask(LIST);
  const before = (await ask(STATS)).data.cacheStats;
  await ask(LIST);
  const after = (await ask(STATS)).data.cacheStats;
  expect(after.hits - before.hits).toBe(1);
  expect(after.misses).toBe(before.misses);
  expect(after.layers).toContainEqual(expect.objectContaining({ name: 'responses', size: 1 }));
});

test('a body in several pieces is recognized, and an unknown one is executed in full', async () => {
  const authorization = `Bearer ${await testApp.token('VIEWER')}`;
  const send = (body: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.on('error', reject);
      socket.on('data', (data) => {
        answer += data;
      });
      socket.on('close', () => resolve(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
      socket.setNoDelay(true);
      const head = `POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: ${authorization}\r\ncontent-length: ${body.length}\r\n\r\n`;
      const middle = body.length / 2;
      socket.write(head, () => socket.write(body.slice(0, middle), () => socket.write(body.slice(middle))));
    });
  const body = JSON.stringify({ query: LIST });
  await ask(LIST, { role: 'VIEWER' });
  const answers = [await send(body), await send(body)];
  expect(JSON.parse(answers[0]!).data.workstations.nodes).toHaveLength(5);
  expect(answers[1]).toBe(answers[0]);
});

test('cached responses are bounded in bytes, and the least recently used leave first', async () => {
  const small = await startTestApp({
    fleet: { managers: 1, workstations: 4 },
    env: { RESPONSE_CACHE_MAX_BYTES: '20000' },
  });
  try {
    for (let number = 0; number < 50; number++)
      await small.ask(`query Q${number} { workstations(first: 4) { nodes { id } } }`);
    const { size, evictions } = small.app.cache.getStats().layers.find(({ name }) => name === 'responses')!;
    expect(size).toBeGreaterThan(5);
    expect(size).toBeLessThan(20);
    expect(evictions).toBe(50 - size);
  } finally {
    await small.close();
  }
});

test('RESPONSE_CACHE=off executes every request', async () => {
  const plain = await startTestApp({ fleet: { managers: 1, workstations: 4 }, env: { RESPONSE_CACHE: 'off' } });
  try {
    expect(await plain.ask(LIST)).toEqual(await plain.ask(LIST));
    expect(plain.app.cache.getStats().layers.map(({ name }) => name)).not.toContain('responses');
  } finally {
    await plain.close();
  }
});
