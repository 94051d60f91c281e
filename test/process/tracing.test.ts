import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedFolder, engine } from '../../src/testing/test-database.ts';
import { findFreePort, type ServerProcess, startServer, until } from '../support/server-process.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

/* The export of traces by the whole server. */

const onEmbedded = engine === 'pglite' ? describe : describe.skip;

/** Prints the path of each module of the SDK, when Node loads it. */
const REPORT_LOADS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      if (/\\/@opentelemetry\\/(?!api\\/)/.test(url)) console.log('loads ' + url);
      return next(url, context);
    },
  });
`)}`;

onEmbedded('a server', () => {
  let folder: string;
  let server: ServerProcess;
  let collector: TraceCollector | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
    await createEmbeddedFolder(join(folder, 'pglite'));
  });

  afterEach(async () => {
    await server.destroy();
    await collector?.close();
    collector = undefined;
    await rm(folder, { recursive: true });
  });

  async function start(env: Record<string, string>): Promise<string> {
    server = startServer({ DATA_DIR: folder, ...env }, ['--import', REPORT_LOADS]);
    return server.untilReady();
  }

  const ask = (url: string, query: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });

  test('loads nothing of the SDK without an address to export to', async () => {
    const url = await start({});
    expect((await ask(url, '{ __typename }')).status).toBe(200);
    expect(server.output).not.toContain('loads ');
  });

  test('names the trace in the log, and exports at SIGTERM what it has not exported before', async () => {
    collector = await startTraceCollector();
    const url = await start({
      LOG_LEVEL: 'info',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '3600000',
      SHUTDOWN_DRAIN_SECONDS: '0',
    });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await ask(url, 'query Logged { managers { totalCount } }', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    const [, line] = await server.untilPrinted(/(\{.*"operationName":"Logged".*\})/);
    expect(JSON.parse(line!)).toMatchObject({ traceId, outcome: 'miss' });
    expect(collector.spans).toEqual([]);
    server.child.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(new Set(collector.spans.map(({ name }) => name))).toEqual(
      new Set(['SELECT manager', 'cache.load', 'query']),
    );
    expect(collector.spans.every((span) => span.traceId === traceId)).toBe(true);
    expect(collector.spans[0]!.resource).toMatchObject({
      'service.name': 'stationmaster',
      'service.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  test('exports in protobuf by default', async () => {
    collector = await startTraceCollector();
    const { headers, bodies, url: collectorUrl } = collector;
    const url = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl, OTEL_BSP_SCHEDULE_DELAY: '10' });
    await ask(url, 'query Binary { __typename }');
    await until(
      async () => headers.at(-1)?.['content-type'],
      (type) => type === 'application/x-protobuf',
    );
    expect(bodies.join()).toContain('Binary');
  });

  test('goes on without its collector, says so once, and stops in time', async () => {
    const url = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await findFreePort()}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
      OTEL_BSP_SCHEDULE_DELAY: '10',
      OTEL_BSP_MAX_QUEUE_SIZE: '50',
      OTEL_TRACES_SAMPLER: 'always_on',
      SHUTDOWN_DRAIN_SECONDS: '0',
      SHUTDOWN_GRACE_SECONDS: '2',
    });
    for (let time = 0; time < 300; time++) expect((await ask(url, '{ __typename }')).status).toBe(200);
    await server.untilPrinted(/spans could not be exported/);
    for (let time = 0; time < 300; time++) expect((await ask(url, '{ __typename }')).status).toBe(200);
    expect(server.output.match(/spans could not be exported/g)).toHaveLength(1);
    const stoppedAtMs = performance.now();
    server.child.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(performance.now() - stoppedAtMs).toBeLessThan(20_000);
  });
});

test('A protocol that is not offered is refused with a reason', async () => {
  const server = startServer({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4317',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  });
  expect(await server.exited).toBe(78);
  expect(server.output).toContain('OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/protobuf, http/json');
});
