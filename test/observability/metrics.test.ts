import { graphql } from 'graphql';
import { measureRootFields } from '../../src/graphql/root-fields.ts';
import { createMetrics, type MetricsSources } from '../../src/observability/metrics.ts';
import { createStub } from '../support/stub-schema.ts';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';

afterEach(stopStubServers);

const QUIET: MetricsSources = {
  cacheStats: () => ({ layers: [] }),
  sqlStatements: () => 0,
  sockets: () => ({ activeConnections: 0, activeSubscriptions: 0 }),
  feed: () => ({ state: 'live', gaps: 0 }),
  audit: () => ({ audited: 0, stale: {} }),
};

/** The lines of a scrape whose metric's name begins with `prefix`, without comments. */
function linesOf(text: string, prefix: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(prefix));
}

describe('metrics', () => {
  test('are read from their sources at the moment of the scrape', async () => {
    const layer = { name: 'records', hits: 0, misses: 0, size: 0, evictions: 0 };
    const other = { name: 'responses', hits: 9, misses: 0, size: 0, evictions: 0 };
    let statements = 0;
    const metrics = createMetrics({
      ...QUIET,
      cacheStats: () => ({ layers: [layer, other] }),
      sqlStatements: () => statements,
      audit: () => ({ audited: 40, stale: { silence: 2 } }),
    });
    await metrics.scrape();
    Object.assign(layer, { hits: 7, misses: 3, size: 2, evictions: 1 });
    statements = 12;
    const text = await metrics.scrape();
    expect(linesOf(text, 'stationmaster_cache')).toEqual([
      'stationmaster_cache_hits_total{layer="records"} 7',
      'stationmaster_cache_hits_total{layer="responses"} 9',
      'stationmaster_cache_misses_total{layer="records"} 3',
      'stationmaster_cache_misses_total{layer="responses"} 0',
      'stationmaster_cache_evictions_total{layer="records"} 1',
      'stationmaster_cache_evictions_total{layer="responses"} 0',
      'stationmaster_cache_size{layer="records"} 2',
      'stationmaster_cache_size{layer="responses"} 0',
      'stationmaster_cache_audited_total 40',
      'stationmaster_cache_stale_total{after="silence"} 2',
    ]);
    expect(linesOf(text, 'stationmaster_sql')).toEqual(['stationmaster_sql_statements_total 12']);
  });

  test('count sockets, subscriptions and gaps', async () => {
    const metrics = createMetrics({
      ...QUIET,
      sockets: () => ({ activeConnections: 3, activeSubscriptions: 5 }),
      feed: () => ({ state: 'live', gaps: 2 }),
    });
    const text = await metrics.scrape();
    expect(linesOf(text, 'stationmaster_websocket')).toEqual([
      'stationmaster_websocket_connections 3',
      'stationmaster_websocket_subscriptions 5',
    ]);
    expect(linesOf(text, 'stationmaster_feed')).toEqual([
      'stationmaster_feed_gaps_total 2',
      'stationmaster_feed_live 1',
    ]);
  });

  test('tell how many changes took how long to become visible', async () => {
    const metrics = createMetrics(QUIET);
    for (const seconds of [0.002, 0.2]) metrics.observeVisibility(seconds);
    const lines = linesOf(await metrics.scrape(), 'stationmaster_change_visibility_seconds');
    expect(lines).toContain('stationmaster_change_visibility_seconds_bucket{le="0.0025"} 1');
    expect(lines).toContain('stationmaster_change_visibility_seconds_count 2');
  });

  test('show a feed that is not live', async () => {
    const metrics = createMetrics({ ...QUIET, feed: () => ({ state: 'reconnecting', gaps: 0 }) });
    expect(linesOf(await metrics.scrape(), 'stationmaster_feed_live')).toEqual(['stationmaster_feed_live 0']);
  });

  test('include the process’s own, for every server in it', async () => {
    for (const metrics of [createMetrics(QUIET), createMetrics(QUIET)]) {
      expect(linesOf(await metrics.scrape(), 'process_cpu_seconds_total')).toHaveLength(1);
    }
  });

  test('of one server are not those of another', async () => {
    const [one, other] = [createMetrics(QUIET), createMetrics(QUIET)];
    one.observeRequest({ type: 'query', outcome: 'hit', durationSeconds: 0.001 });
    const counted = 'stationmaster_request_duration_seconds_count';
    expect(linesOf(await one.scrape(), counted)).toEqual([`${counted}{operation_type="query",outcome="hit"} 1`]);
    expect(linesOf(await other.scrape(), counted)).toEqual([]);
  });
});

describe('a measured schema', () => {
  test('measures the duration of root fields, whether they succeed or fail', async () => {
    const observed: string[] = [];
    const schema = measureRootFields(createStub().schema, { observeResolver: (field) => observed.push(field) });
    const contextValue = { identity: { subject: 'ada' }, reads: {} };
    const result = await graphql({ schema, source: '{ again: hello broken }', contextValue });
    expect(result.data).toEqual({ again: 'Hello ada', broken: null });
    expect(observed.sort()).toEqual(['Query.broken', 'Query.hello']);
    await graphql({ schema, source: 'mutation { bump }', contextValue });
    expect(observed).toContain('Mutation.bump');
  });

  test('leaves the original schema unchanged', () => {
    const { schema } = createStub();
    const resolve = schema.getQueryType()!.getFields().hello!.resolve;
    measureRootFields(schema, { observeResolver: () => {} });
    expect(schema.getQueryType()!.getFields().hello!.resolve).toBe(resolve);
  });
});

describe('GET /metrics', () => {
  async function scrape(authorization?: string) {
    const server = await startStubServer();
    await server.post('query ByAnyName { hello read(hits: 1, misses: 0) }');
    const response = await fetch(`${server.url}/metrics`, { headers: authorization ? { authorization } : {} });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  }

  test('answers an admin', async () => {
    const { status, text, type } = await scrape('Bearer admin');
    expect(status).toBe(200);
    expect(type).toContain('text/plain');
    expect(linesOf(text, 'stationmaster_request_duration_seconds_count')).toEqual([
      'stationmaster_request_duration_seconds_count{operation_type="query",outcome="hit"} 1',
    ]);
    expect(linesOf(text, 'stationmaster_resolver_duration_seconds_count')).toEqual([
      'stationmaster_resolver_duration_seconds_count{field="Query.hello"} 1',
      'stationmaster_resolver_duration_seconds_count{field="Query.read"} 1',
    ]);
  });

  test('has no label that a client chose', async () => {
    expect((await scrape('Bearer admin')).text).not.toContain('ByAnyName');
  });

  test.each([
    [undefined, 401, 'UNAUTHENTICATED'],
    ['Bearer bad', 401, 'UNAUTHENTICATED'],
    ['Bearer viewer', 403, 'FORBIDDEN'],
  ])('refuses %p with %i', async (authorization, expected, code) => {
    const { status, text } = await scrape(authorization);
    expect(status).toBe(expected);
    expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code } }] });
    expect(text).not.toContain('stationmaster_');
  });
});
