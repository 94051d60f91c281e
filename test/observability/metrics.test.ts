import { graphql } from 'graphql';
import { measureRootFields } from '../../src/graphql/root-fields.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { ObservedOperation } from '../../src/observability/operation-figures.ts';
import { quietSources } from '../support/quiet-sources.ts';
import { createStub } from '../support/stub-schema.ts';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';

afterEach(stopStubServers);

const QUIET = quietSources();

const HIT: ObservedOperation = {
  type: 'query',
  outcome: 'hit',
  durationSeconds: 0.001,
  name: null,
  isKnownClient: true,
  errors: [],
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
      cacheStats: () => ({ layers: [layer, other], bytes: 1200 }),
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
      'stationmaster_cache_bytes 1200',
      'stationmaster_cache_audited_total 40',
      'stationmaster_cache_stale_total{after="silence"} 2',
    ]);
    expect(linesOf(text, 'stationmaster_sql')).toEqual(['stationmaster_sql_statements_total 12']);
  });

  test('count sockets, subscriptions and gaps', async () => {
    const metrics = createMetrics({
      ...QUIET,
      sockets: () => ({ activeConnections: 3, activeSubscriptions: 5, coalescedEvents: 7 }),
      feed: () => ({ state: 'live', gaps: 2, retainedBytes: 936 }),
    });
    const text = await metrics.scrape();
    expect(linesOf(text, 'stationmaster_websocket')).toEqual([
      'stationmaster_websocket_connections 3',
      'stationmaster_websocket_subscriptions 5',
    ]);
    expect(linesOf(text, 'stationmaster_subscription_events')).toEqual([
      'stationmaster_subscription_events_coalesced_total 7',
    ]);
    expect(linesOf(text, 'stationmaster_feed')).toEqual([
      'stationmaster_feed_gaps_total 2',
      'stationmaster_feed_live 1',
      'stationmaster_feed_retained_bytes 936',
    ]);
  });

  test('tell how many changes took how long to become visible', async () => {
    const metrics = createMetrics(QUIET);
    for (const seconds of [0.002, 0.2]) metrics.observeVisibility(seconds);
    const lines = linesOf(await metrics.scrape(), 'stationmaster_change_visibility_seconds');
    expect(lines).toContain('stationmaster_change_visibility_seconds_bucket{le="0.0025"} 1');
    expect(lines).toContain('stationmaster_change_visibility_seconds_count 2');
  });

  test('tell what runs, in a label, so that dashboards can join it', async () => {
    const build = { version: '1.2.3', node: 'v24.0.0', commit: 'abc123' };
    const text = await createMetrics({ ...QUIET, build }).scrape();
    expect(linesOf(text, 'stationmaster_build_info')).toEqual([
      'stationmaster_build_info{version="1.2.3",node="v24.0.0",commit="abc123"} 1',
    ]);
  });

  test('count errors by code, refused requests among them', async () => {
    const metrics = createMetrics(QUIET);
    metrics.observeRequest({ ...HIT, errors: ['FORBIDDEN', 'NOT_FOUND'] });
    metrics.observeRefusal('RATE_LIMITED', 0.001);
    metrics.observeRefusal('RATE_LIMITED', 0.001);
    expect(linesOf(await metrics.scrape(), 'stationmaster_errors_total')).toEqual([
      'stationmaster_errors_total{code="FORBIDDEN"} 1',
      'stationmaster_errors_total{code="NOT_FOUND"} 1',
      'stationmaster_errors_total{code="RATE_LIMITED"} 2',
    ]);
  });

  test('are histograms in Prometheus’s form', async () => {
    const metrics = createMetrics(QUIET);
    for (const durationSeconds of [0.001, 0.002, 20])
      metrics.observeRequest({ ...HIT, name: 'Fleet', durationSeconds });
    const name = 'stationmaster_operation_duration_seconds';
    const text = await metrics.scrape();
    expect(text).toContain(`# TYPE ${name} histogram\n`);
    expect(linesOf(text, `${name}_`)).toEqual([
      `${name}_bucket{le="0.001",operation_name="Fleet"} 1`,
      `${name}_bucket{le="0.005",operation_name="Fleet"} 2`,
      `${name}_bucket{le="0.025",operation_name="Fleet"} 2`,
      `${name}_bucket{le="0.1",operation_name="Fleet"} 2`,
      `${name}_bucket{le="0.5",operation_name="Fleet"} 2`,
      `${name}_bucket{le="2.5",operation_name="Fleet"} 2`,
      `${name}_bucket{le="+Inf",operation_name="Fleet"} 3`,
      `${name}_sum{operation_name="Fleet"} 20.003`,
      `${name}_count{operation_name="Fleet"} 3`,
    ]);
  });

  test('show a feed that is not live', async () => {
    const metrics = createMetrics({ ...QUIET, feed: () => ({ state: 'reconnecting', gaps: 0, retainedBytes: 0 }) });
    expect(linesOf(await metrics.scrape(), 'stationmaster_feed_live')).toEqual(['stationmaster_feed_live 0']);
  });

  test('include the process’s own, for every server in it', async () => {
    for (const metrics of [createMetrics(QUIET), createMetrics(QUIET)]) {
      expect(linesOf(await metrics.scrape(), 'process_cpu_seconds_total')).toHaveLength(1);
    }
  });

  test('of one server are not those of another', async () => {
    const [one, other] = [createMetrics(QUIET), createMetrics(QUIET)];
    one.observeRequest(HIT);
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

  test.each(['monitor', 'admin'])('answers a token with the role of %s', async (name) => {
    const { status, text, type } = await scrape(`Bearer ${name}`);
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

  test('does not name what a client without a token calls its operations', async () => {
    const { text } = await scrape('Bearer admin');
    expect(text).not.toContain('ByAnyName');
    const counted = 'stationmaster_operation_duration_seconds_count';
    expect(linesOf(text, counted)).toEqual([`${counted}{operation_name="other"} 1`]);
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
