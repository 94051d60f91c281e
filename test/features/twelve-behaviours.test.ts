import { startTestApp, type TestApp } from '../support/test-app.ts';

const LIST = '{ workstations(first: 20) { nodes { id name manager { name } } } }';
const STATS =
  '{ cacheStats { hits misses size evictions hitRatePercent layers { name hits misses size evictions hitRatePercent } } }';

let testApp: TestApp;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 5, workstations: 40 } });
});

beforeEach(() => testApp.app.cache.clear());

afterAll(() => testApp.close());

describe('Cache operations', () => {
  test('cacheStats reports hits, misses, size, evictions and hit rate', async () => {
    const before = (await ask(STATS)).data.cacheStats;
    await ask('{ workstations(first: 20) { nodes { id } } }');
    await ask('{ workstations(first: 20) { nodes { id } } }');
    const after = (await ask(STATS)).data.cacheStats;
    // The cold list brings its 20 records and the one after them; then the cached response is one hit.
    expect(after.misses - before.misses).toBe(1);
    expect(after.hits - before.hits).toBe(20 + 1);
    expect(after.size).toBe(1 + 21);
    expect(after.evictions).toBe(0);
    expect(after.hitRatePercent).toBeCloseTo((100 * after.hits) / (after.hits + after.misses));
    expect(after.layers).toContainEqual(expect.objectContaining({ name: 'workstations_list', size: 1 }));
    expect(after.layers).toContainEqual(expect.objectContaining({ name: 'workstations', size: 21 }));
  });

  test.each([
    [null, 'UNAUTHENTICATED'],
    ['VIEWER', 'FORBIDDEN'],
    ['OPERATOR', 'FORBIDDEN'],
  ] as const)('cacheStats requires ADMIN: %s is refused', async (role, code) => {
    const { data, errors } = await ask('{ cacheStats { hits } }', { role });
    expect(data).toBeNull();
    expect(errors).toHaveLength(1);
    expect(errors![0]!.extensions.code).toBe(code);
  });

  test('clearCache empties the cache and reports the number of removed entries', async () => {
    await ask('{ workstations(first: 20) { nodes { id } } }');
    const { data } = await ask('mutation { clearCache { message entriesRemoved timestamp } }');
    expect(data.clearCache).toEqual({
      message: 'The cache was cleared: 22 entries removed.',
      entriesRemoved: 22,
      timestamp: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/),
    });
    expect((await ask(STATS)).data.cacheStats.size).toBe(0);
  });

  test('invalidateCache removes exactly the matching entries', async () => {
    await ask('{ workstations(first: 3) { nodes { id } } managers(first: 5) { nodes { id } } }');
    const invalidate = (pattern: string) =>
      ask('mutation ($pattern: String!) { invalidateCache(pattern: $pattern) { pattern entriesRemoved } }', {
        variables: { pattern },
      });
    expect((await invalidate('workstations_list_*')).data.invalidateCache).toEqual({
      pattern: 'workstations_list_*',
      entriesRemoved: 1,
    });
    expect((await invalidate('nothing_like_it_*')).data.invalidateCache.entriesRemoved).toBe(0);
    const statements = await testApp.countStatements(() => ask('{ managers(first: 5) { nodes { id } } }'));
    expect(statements).toBe(0);
  });

  test.each([
    [null, 'UNAUTHENTICATED'],
    ['VIEWER', 'FORBIDDEN'],
    ['OPERATOR', 'FORBIDDEN'],
    ['AGENT', 'FORBIDDEN'],
  ] as const)('invalidateCache requires ADMIN: %s is refused and nothing is removed', async (role, code) => {
    await ask(LIST);
    const { errors } = await ask('mutation { invalidateCache(pattern: "*") { entriesRemoved } }', { role });
    expect(errors![0]!.extensions.code).toBe(code);
    expect(await testApp.countStatements(() => ask(LIST))).toBe(0);
  });

  test('performanceMetrics reports cache, managers, websockets and timestamp', async () => {
    const { data } = await ask(`{ performanceMetrics {
      cache { hits misses size hitRatePercent } managers { count } websockets { activeConnections activeSubscriptions }
      changeFeed { state gaps } uptimeSeconds instanceId timestamp } }`);
    expect(data.performanceMetrics).toEqual({
      cache: { hits: expect.any(Number), misses: expect.any(Number), size: 0, hitRatePercent: expect.any(Number) },
      managers: { count: 5 },
      websockets: { activeConnections: 0, activeSubscriptions: 0 },
      changeFeed: { state: 'live', gaps: 0 },
      uptimeSeconds: expect.any(Number),
      instanceId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      timestamp: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/),
    });
  });
});

describe('Improvement', () => {
  test('a repeated list is answered without SQL', async () => {
    const first = await ask(LIST);
    let repeated: unknown;
    const statements = await testApp.countStatements(async () => {
      repeated = await ask(LIST);
    });
    expect(statements).toBe(0);
    expect(repeated).toEqual(first);
  });

  test('the hit rate of repeated requests rises: 100 equal lists cost at most 2 SQL statements', async () => {
    const rateOf = async () => (await ask(STATS)).data.cacheStats.hitRatePercent;
    const before = await rateOf();
    const statements = await testApp.countStatements(async () => {
      for (let request = 0; request < 100; request++) await ask(LIST);
    });
    expect(statements).toBeLessThanOrEqual(2);
    expect(await rateOf()).toBeGreaterThan(before);
  });
});

describe('Invalidation', () => {
  test('creating a workstation refreshes the list', async () => {
    const list = '{ workstations(first: 500) { totalCount nodes { name } } }';
    const before = (await ask(list)).data.workstations;
    const created = await ask(`mutation { createWorkstation(input: {
      name: "NEW-1", hostname: "new-1", ipAddress: "10.0.0.1", operatingSystem: "Linux" }) { id } }`);
    const after = (await ask(list)).data.workstations;
    expect(after.totalCount).toBe(before.totalCount + 1);
    expect(after.nodes).toContainEqual({ name: 'NEW-1' });
    await ask('mutation ($id: ID!) { deleteWorkstation(id: $id) }', {
      variables: { id: created.data.createWorkstation.id },
    });
    expect((await ask(list)).data.workstations).toEqual(before);
  });
});

describe('Edges', () => {
  test('entries expire by their TTL', async () => {
    await ask(LIST);
    testApp.clock.advanceSeconds(299);
    expect(await testApp.countStatements(() => ask(LIST))).toBe(0);
    testApp.clock.advanceSeconds(1);
    expect(await testApp.countStatements(() => ask(LIST))).toBeGreaterThan(0);
  });

  test.each(['', '   ', '\\t'])('the empty pattern "%s" is refused', async (pattern) => {
    const { errors } = await ask(`mutation { invalidateCache(pattern: "${pattern}") { entriesRemoved } }`);
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'pattern' });
  });

  test('1,000 concurrent cold reads of one key cost 1 SQL statement', async () => {
    const { id } = (await ask('{ workstations(first: 1) { nodes { id } } }')).data.workstations.nodes[0];
    testApp.app.cache.clear();
    const read = () => ask('query ($id: ID!) { workstation(id: $id) { id name } }', { variables: { id } });
    let answers: Awaited<ReturnType<typeof read>>[] = [];
    const statements = await testApp.countStatements(async () => {
      answers = await Promise.all(Array.from({ length: 1000 }, read));
    });
    // First, so that a failure shows the answer.
    const distinct = new Set(answers.map((answer) => JSON.stringify(answer)));
    expect([...distinct].map((answer) => JSON.parse(answer))).toEqual([
      { data: { workstation: { id, name: expect.any(String) } } },
    ]);
    expect(statements).toBe(1);
  });

  test('concurrent readers and writers leave the cache consistent', async () => {
    const { nodes } = (await ask('{ workstations(first: 5) { nodes { id } } }')).data.workstations;
    const write = (id: string, cpuUsage: number) =>
      ask('mutation ($r: [TelemetryReading!]!) { reportTelemetry(readings: $r) { stored } }', {
        variables: { r: [{ workstationId: id, cpuUsage }] },
        role: 'AGENT',
      });
    const read = () => ask('{ workstations(first: 5) { nodes { id cpuUsage version } } }');
    await Promise.all(
      Array.from({ length: 40 }, (_, turn) => [write(nodes[turn % 5].id, turn), read(), read()]).flat(),
    );
    const cached = (await read()).data.workstations.nodes;
    const stored = await testApp.sql(
      'select id, cpu_usage as "cpuUsage", version from workstation order by created_at desc, id desc limit 5',
    );
    expect(cached).toEqual(stored);
  });
});
