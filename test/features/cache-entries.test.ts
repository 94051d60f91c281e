import { collections } from '../../src/features/index.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

const LIST = '{ workstations(first: 3) { nodes { id name } } }';
const ENTRIES = `query ($pattern: String, $layer: String, $first: Int, $after: String, $orderBy: CacheEntryOrder) {
  cacheEntries(pattern: $pattern, layer: $layer, first: $first, after: $after, orderBy: $orderBy) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor }
    nodes { key layer bytes ageSeconds expiresInSeconds version dependents hits dependencies } } }`;
const REMOVALS = `query ($pattern: String, $causes: [CacheRemovalCause!], $first: Int) {
  cacheRemovals(pattern: $pattern, causes: $causes, first: $first) { key layer cause at dependency by position } }`;
const RENAME = 'mutation ($id: ID!, $name: String) { updateWorkstation(id: $id, input: { name: $name }) { version } }';

let testApp: TestApp;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 3, workstations: 20 } });
});

beforeEach(() => testApp.app.cache.clear());

afterAll(() => testApp.close());

interface Entry {
  readonly key: string;
  readonly dependencies: readonly string[];
}

async function entries(variables: Record<string, unknown> = {}) {
  const { data, errors } = await ask(ENTRIES, { variables });
  if (errors) throw new Error(errors[0]!.message);
  return data.cacheEntries;
}

const keysOf = async (variables: Record<string, unknown> = {}): Promise<string[]> =>
  (await entries(variables)).nodes.map(({ key }: Entry) => key);

const responses = async (): Promise<Entry[]> => (await entries({ layer: 'responses' })).nodes;

const removals = async (variables: Record<string, unknown> = {}) =>
  (await ask(REMOVALS, { variables })).data.cacheRemovals;

const readIds = async (): Promise<string[]> =>
  (await ask(LIST)).data.workstations.nodes.map((node: { id: string }) => node.id);

/** Sends the query, and returns what an admin is told of how it was answered. */
async function askForReport(query: string, init: RequestInit = {}) {
  const response = await fetch(`${testApp.app.url}/graphql`, {
    method: 'POST',
    body: JSON.stringify({ query }),
    ...init,
    headers: {
      'content-type': 'application/json',
      'x-cache-debug': '1',
      authorization: `Bearer ${await testApp.token('ADMIN')}`,
    },
  });
  const { extensions } = (await response.json()) as { extensions: { cache: { response: string; reason?: string } } };
  return extensions.cache;
}

describe('cacheEntries', () => {
  test('tells of a cached row and of the list that it is on', async () => {
    const [id] = await readIds();
    testApp.clock.advanceSeconds(10);
    const [row] = (await entries({ layer: 'workstations', pattern: `*${id}` })).nodes;
    expect(row).toEqual({
      key: `workstations_${id}`,
      layer: 'workstations',
      bytes: expect.any(Number),
      ageSeconds: 10,
      expiresInSeconds: 290,
      version: 1,
      dependents: 1,
      hits: 1,
      dependencies: [],
    });
    const [list] = (await entries({ layer: 'workstations_list' })).nodes;
    expect(list).toMatchObject({ key: 'workstations_list_CREATED_AT_DESC_3_{}', version: null, dependents: 1 });
  });

  test('tells what a cached response was made of, and how often it was served', async () => {
    const ids = await readIds();
    await readIds();
    const [response] = await responses();
    expect(response).toMatchObject({
      key: expect.stringMatching(/^ADMIN\nJSON \{"query":/),
      layer: 'responses',
      version: null,
      dependents: 0,
      hits: 1,
    });
    expect([...response!.dependencies].sort()).toEqual(
      ['workstations_list_CREATED_AT_DESC_3_{}', ...ids.map((id) => `workstations_${id}`)].sort(),
    );
    const { data } = await ask(
      'query ($key: String!) { cacheEntry(key: $key) { layer hits dependencies(first: 2) } }',
      {
        variables: { key: response!.key },
      },
    );
    expect(data.cacheEntry).toEqual({ layer: 'responses', hits: 1, dependencies: response!.dependencies.slice(0, 2) });
  });

  test('counts the reads that a row answered', async () => {
    // The list reads it, too.
    const [id] = await readIds();
    for (const field of ['name', 'hostname']) await ask(`{ workstation(id: "${id}") { ${field} } }`);
    const { data } = await ask(`{ cacheEntry(key: "workstations_${id}") { hits dependents } }`);
    expect(data.cacheEntry).toEqual({ hits: 1 + 2, dependents: 3 });
    expect((await ask('{ cacheEntry(key: "nothing") { hits } }')).data).toEqual({ cacheEntry: null });
  });

  test('without a layer lists and counts what invalidateCache would remove', async () => {
    await readIds();
    const { totalCount } = await entries();
    expect(totalCount).toBe((await ask('{ cacheStats { size } }')).data.cacheStats.size);
    const { data } = await ask('mutation { invalidateCache(pattern: "*", dryRun: true) { entriesRemoved } }');
    expect(data.invalidateCache.entriesRemoved).toBe(totalCount);
  });

  test('is paged in every order, without an entry twice', async () => {
    await ask('{ workstations(first: 20) { nodes { id } } managers(first: 3) { nodes { id } } }');
    const all = await keysOf({ first: 500 });
    for (const field of ['KEY', 'SIZE', 'AGE', 'EXPIRES', 'HITS']) {
      for (const direction of ['ASC', 'DESC']) {
        const paged: string[] = [];
        let after: string | null = null;
        do {
          const page = await entries({ first: 7, after, orderBy: { field, direction } });
          expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
          expect(page.pageInfo.endCursor).toBe(page.edges.at(-1).cursor);
          paged.push(...page.nodes.map(({ key }: Entry) => key));
          after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
        } while (after);
        expect(paged.toSorted()).toEqual(all);
      }
    }
  });

  test('is also paged backward', async () => {
    await ask('{ workstations(first: 20) { nodes { id } } }');
    const all = await keysOf({ first: 500 });
    const page = async (args: string) =>
      (await ask(`{ cacheEntries(${args}) { nodes { key } pageInfo { hasNextPage hasPreviousPage startCursor } } }`))
        .data.cacheEntries;
    const last = await page('last: 5');
    expect(last.nodes.map(({ key }: Entry) => key)).toEqual(all.slice(-5));
    expect(last.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const before = await page(`last: 3, before: "${last.pageInfo.startCursor}"`);
    expect(before.nodes.map(({ key }: Entry) => key)).toEqual(all.slice(-8, -5));
    expect(before.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  });

  test('orders by size and by age', async () => {
    await ask('{ workstations(first: 1) { nodes { id } } }');
    testApp.clock.advanceSeconds(1);
    await ask('{ managers(first: 1) { nodes { id } } }');
    const [youngest] = await keysOf({ first: 1, orderBy: { field: 'AGE' } });
    const [oldest] = await keysOf({ first: 1, orderBy: { field: 'AGE', direction: 'DESC' } });
    expect([youngest, oldest]).toEqual([expect.stringMatching(/^managers_/), expect.stringMatching(/^workstations_/)]);
    const { nodes } = await entries({ orderBy: { field: 'SIZE', direction: 'DESC' } });
    const sizes = nodes.map(({ bytes }: { bytes: number }) => bytes);
    expect(sizes).toEqual(sizes.toSorted((a: number, b: number) => b - a));
  });

  test('refuses a layer that does not exist, and names those that do', async () => {
    await ask('{ managers(first: 1) { nodes { id } } }');
    expectRefusal(await ask('{ cacheEntries(layer: "managers_lists") { totalCount } }'), 'BAD_USER_INPUT', 'layer');
    const { errors } = await ask('{ cacheEntries(layer: "nope") { totalCount } }');
    const layers = collections.flatMap(({ key }) => [key, `${key}_count`, `${key}_list`, `${key}_summary`]);
    const names = [...layers, 'responses'].toSorted().join(', ');
    expect(errors![0]!.message).toBe(`There is no layer "nope". The layers are ${names}.`);
  });

  test.each([
    ['a pattern that is blank', '(pattern: " ")', 'pattern'],
    ['a pattern that is too long', `(pattern: "${'a'.repeat(257)}")`, 'pattern'],
    ['a page without entries', '(first: 0)', 'first'],
    ['a page that is too large', '(first: 501)', 'first'],
    [
      'a cursor of another list',
      `(after: "${Buffer.from('["workstations NAME ASC","x",""]').toString('base64url')}")`,
      'after',
    ],
    [
      'a cursor with a value that no entry has',
      `(after: "${Buffer.from('["cache KEY ASC",1,"a"]').toString('base64url')}")`,
      'after',
    ],
  ])('refuses %s', async (_what, args, field) => {
    expectRefusal(await ask(`{ cacheEntries${args} { totalCount } }`), 'BAD_USER_INPUT', field);
  });

  test.each(['cacheRemovals(pattern: " ")', 'cacheRemovals(first: 501)', 'cacheRemovals(first: 0)'])(
    '%s is refused as well',
    async (field) => {
      expectRefusal(await ask(`{ ${field} { key } }`), 'BAD_USER_INPUT', field.includes('first') ? 'first' : 'pattern');
    },
  );
});

describe('cacheRemovals', () => {
  test('tells which change of which row dropped a response and replaced the row', async () => {
    const [id] = await readIds();
    await ask(RENAME, { variables: { id, name: 'Renamed' } });
    const [response] = await removals({ pattern: '*workstations(first: 3)*', first: 1 });
    expect(response).toEqual({
      key: expect.stringContaining('workstations(first: 3)'),
      layer: 'responses',
      cause: 'INVALIDATED',
      at: expect.any(String),
      dependency: `workstations_${id}`,
      by: `UPDATE of workstation ${id}`,
      position: expect.stringMatching(/^[0-9a-f]{8}-\d+\.1\.\w+$/),
    });
    const [row] = await removals({ pattern: `workstations_${id}` });
    expect(row).toMatchObject({
      layer: 'workstations',
      cause: 'REPLACED',
      by: response.by,
      position: response.position,
    });
  });

  test('an empty list of causes restricts nothing', async () => {
    const [id] = await readIds();
    await ask(RENAME, { variables: { id, name: 'Renamed once more' } });
    const all = await removals({ pattern: `workstations_${id}` });
    expect(all).not.toEqual([]);
    expect(await removals({ pattern: `workstations_${id}`, causes: [] })).toEqual(all);
  });

  test('the position it tells is one that a subscription can go on from', async () => {
    const [id] = await readIds();
    await ask(RENAME, { variables: { id, name: 'Before' } });
    const [{ position }] = await removals({ pattern: `workstations_${id}` });
    const subscription = await testApp.subscribe(
      'subscription ($since: String) { workstationChanged(since: $since) { workstation { name } } }',
      { variables: { since: position } },
    );
    await ask(RENAME, { variables: { id, name: 'After' } });
    expect((await subscription.next()).data).toEqual({ workstationChanged: { workstation: { name: 'After' } } });
  });

  test('tells of an admin, and of the end of its time', async () => {
    await readIds();
    await ask('mutation { invalidateCache(pattern: "workstations_list_*") { entriesRemoved } }');
    expect((await removals({ pattern: 'workstations_list_*' }))[0]).toMatchObject({
      cause: 'INVALIDATED',
      by: 'invalidateCache(pattern: "workstations_list_*")',
      position: null,
    });
    await readIds();
    testApp.clock.advanceSeconds(301);
    await readIds();
    const expired = await removals({ causes: ['EXPIRED'], pattern: 'workstations_list_*' });
    expect(expired[0]).toMatchObject({ cause: 'EXPIRED', by: null });
    await ask('mutation { clearCache { entriesRemoved } }');
    expect((await removals({ pattern: 'workstations_list_*' }))[0]).toMatchObject({ by: 'clearCache' });
  });

  test('tells those for the causes that are asked for, the newest first', async () => {
    const ids = await readIds();
    for (const id of ids) await ask(RENAME, { variables: { id, name: `Again ${id}` } });
    const replaced = await removals({ causes: ['REPLACED'], first: 3 });
    expect(replaced.map(({ key }: Entry) => key)).toEqual(ids.map((id) => `workstations_${id}`).reverse());
    expect(await removals({ causes: ['EVICTED'] })).toEqual([]);
  });
});

describe('The report of a request says why it missed:', () => {
  test('nothing was stored before', async () => {
    const query = '{ workstations(first: 4) { nodes { id } } }';
    const expected = { response: 'miss', reason: 'not stored before, or too long ago to be remembered' };
    expect(await askForReport(query)).toMatchObject(expected);
    const hit = await askForReport(query);
    expect([hit.response, hit.reason]).toEqual(['hit', undefined]);
  });

  test('a row in it was changed', async () => {
    await askForReport(LIST);
    const [id] = await readIds();
    await ask(RENAME, { variables: { id, name: 'Changed' } });
    expect(await askForReport(LIST)).toMatchObject({
      response: 'miss',
      reason: `invalidated with workstations_${id} by UPDATE of workstation ${id}`,
    });
  });

  test('it expired, or an admin cleared the cache', async () => {
    await askForReport(LIST);
    testApp.clock.advanceSeconds(301);
    expect((await askForReport(LIST)).reason).toMatch(/^expired/);
    await ask('mutation { clearCache { entriesRemoved } }');
    expect((await askForReport(LIST)).reason).toMatch(/^invalidated with workstations_\S+ by clearCache$/);
  });

  test.each([
    ['{ cacheStats { hits } }', 'a root field does not read through the cache, or the query is live'],
    ['{ workstations(first: 0) { nodes { id } } }', 'it has errors'],
    ['mutation { clearCache { entriesRemoved } }', 'only queries are stored'],
  ])('%s cannot be stored', async (query, reason) => {
    expect(await askForReport(query)).toMatchObject({ response: 'none', reason });
  });
});

test('The report of a request that is too long to be stored says so', async () => {
  const report = await askForReport(`{ managers { nodes { id } } } #${'x'.repeat(16_384)}`);
  expect(report).toMatchObject({ response: 'none', reason: 'the request is longer than 16384 characters' });
});

describe('A dry run of invalidateCache', () => {
  const INVALIDATE = `mutation ($pattern: String!, $dryRun: Boolean) {
    invalidateCache(pattern: $pattern, dryRun: $dryRun) { message pattern entriesRemoved keys } }`;
  const invalidate = async (pattern: string, dryRun?: boolean) =>
    (await ask(INVALIDATE, { variables: { pattern, dryRun } })).data.invalidateCache;

  test('counts the same entries as the real one, tells the same keys, and changes nothing', async () => {
    await readIds();
    const before = await keysOf();
    const dry = await invalidate('workstations_*', true);
    expect(dry).toEqual({
      message: `Would remove ${before.length} entries matching workstations_*.`,
      pattern: 'workstations_*',
      entriesRemoved: before.length,
      keys: expect.any(Array),
    });
    expect([...dry.keys].sort()).toEqual(before);
    expect(await keysOf()).toEqual(before);
    expect(await testApp.countStatements(() => readIds())).toBe(0);
    const real = await invalidate('workstations_*');
    expect(real).toEqual({ ...dry, message: `Removed ${before.length} entries matching workstations_*.` });
    expect(await keysOf()).toEqual([]);
  });

  test('tells the first hundred keys', async () => {
    for (let at = 0; at < 150; at++) testApp.app.cache.set(`made_up_${at}`, at);
    const dry = await invalidate('made_up_*', true);
    expect([dry.entriesRemoved, dry.keys.length]).toEqual([150, 100]);
    expect(await invalidate('made_up_*', false)).toMatchObject({ entriesRemoved: 150, keys: dry.keys });
  });

  test('refuses the patterns that a real one refuses', async () => {
    for (const dryRun of [true, false]) {
      const answer = await ask(INVALIDATE, { variables: { pattern: ' ', dryRun } });
      expectRefusal(answer, 'BAD_USER_INPUT', 'pattern');
    }
  });

  test('must be asked for with true or false: null is refused, and removes nothing', async () => {
    testApp.app.cache.set('made_up', 1);
    expectRefusal(
      await ask(INVALIDATE, { variables: { pattern: 'made_up', dryRun: null } }),
      'BAD_USER_INPUT',
      'dryRun',
    );
    expect(await invalidate('made_up')).toMatchObject({ entriesRemoved: 1 });
  });
});
