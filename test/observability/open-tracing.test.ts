import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { limitBeginnings } from '../../src/observability/tracing/begin-rate.ts';
import { openTracing } from '../../src/observability/tracing/open-tracing.ts';
import { describeServer, describeStatement } from '../../src/observability/tracing/statement-attributes.ts';
import { Tracing } from '../../src/observability/tracing/traces.ts';

const logger = createLogger({ environment: 'test', logLevel: 'silent' });

const EMBEDDED = { kind: 'pglite', dataDir: '.data' } as const;

afterEach(() => trace.disable());

describe('Tracing', () => {
  test('is off without an SDK', async () => {
    expect((await openTracing({ tracing: null, database: EMBEDDED }, logger)).tracing).toBeNull();
  });

  test('uses the SDK that the process was started with', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    const { tracing } = await openTracing({ tracing: null, database: EMBEDDED }, logger);
    tracing!.operation({}, (span) => span!.describe({ type: 'query', name: 'Hello', outcome: 'hit', errors: [] }));
    expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'query', attributes: { 'cache.hit': true } }]);
  });

  test('says with each statement which server it was sent to', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const { database } = loadConfig({ DATABASE_URL: 'postgres://u:confidential@db.example:6432/fleet' });
    const { tracing } = await openTracing({ tracing: null, database }, logger);
    const statement = { text: 'select 1', count: 1, purpose: 'read', hasValues: false, error: null } as const;
    tracing!.operation({}, (span) => span!.enter(() => tracing!.onStatement({ ...statement, durationSeconds: 0 })));
    context.disable();
    expect(exporter.getFinishedSpans()[0]!.attributes).toEqual({
      'server.address': 'db.example',
      'server.port': 6432,
      'db.namespace': 'fleet',
      'db.system.name': 'postgresql',
      'db.operation.name': 'SELECT',
      'db.query.summary': 'SELECT',
      'db.query.text': 'select 1',
    });
  });

  test('makes no span of operations beyond the rate, unless their client records them', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    const tracing = new Tracing(provider.getTracer('test'), () => false, {});
    expect(tracing.operation({}, (span) => span)).toBeNull();
    expect(tracing.execution(null, (span) => span)).toBeNull();
    // Without a propagator it means nothing, as text that is no traceparent does.
    expect(tracing.operation({ traceparent: 'nonsense' }, (span) => span)).toBeNull();
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

test('So many traces begin in a second, and again in the next one', () => {
  let nowMs = 0;
  const mayBegin = limitBeginnings(() => nowMs, 2);
  const ask = () => [mayBegin(), mayBegin(), mayBegin()];
  expect(ask()).toEqual([true, true, false]);
  nowMs = 999;
  expect(mayBegin()).toBe(false);
  nowMs = 1000;
  expect(ask()).toEqual([true, true, false]);
});

describe('A statement is described', () => {
  const describe_ = (text: string, count = 1) =>
    describeStatement({ text, count, purpose: 'read', hasValues: true, durationSeconds: 0, error: null }).name;

  test.each([
    ['select t.id from workstation t where t.id = any($1)', 'SELECT workstation'],
    ['select * from (select t.* from workstation t) t left join manager j0 on true', 'SELECT workstation'],
    ['select t.id from unnest($1::uuid[]) known (id) join workstation t on true', 'SELECT'],
    ['select pg_notify($1, $2)', 'SELECT'],
    ['with w as (insert into "manager" ("name") values (1) returning *) select 1 from w', 'INSERT manager'],
    [
      'with m as (select 1 from workstation for update), c as (update workstation set a = 1) select 1',
      'UPDATE workstation',
    ],
    ['select 1 from workstation t for update of t', 'SELECT workstation'],
    ['delete from "manager" where id = 1', 'DELETE manager'],
    ['set local lock_timeout = 0', 'SET'],
    ['', 'QUERY'],
  ])('by what it does: %s', (text, name) => {
    expect(describe_(text)).toBe(name);
  });

  test('as a batch when there are several in one message', () => {
    expect(describe_('update workstation set a = 1', 3)).toBe('BATCH UPDATE workstation');
  });
});

describe('A database server is described', () => {
  test.each([
    ['postgres://u@[::1]/fleet', '::1', 5432, 'fleet'],
    ['postgres://u@db/fleet?schema=Lab', 'db', 5432, 'fleet|Lab'],
    ['postgres://u@db/fleet?options=-c%20search_path%3DLab', 'db', 5432, 'fleet|lab'],
    ['postgres://u@db/fleet?options=-c%20search_path%3Dlab,public', 'db', 5432, 'fleet'],
    ['postgres://u@%2Frun%2Fpostgresql:5433/fleet', '/run/postgresql/.s.PGSQL.5433', undefined, 'fleet'],
  ])('by its address: %s', (url, address, port, namespace) => {
    expect(describeServer(loadConfig({ DATABASE_URL: url }).database)).toEqual({
      'server.address': address,
      'server.port': port,
      'db.namespace': namespace,
    });
  });

  test('only if it is one', () => {
    expect(describeServer(EMBEDDED)).toEqual({});
  });
});
