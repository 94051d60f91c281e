import { randomBytes } from 'node:crypto';
import type { Role } from '../../src/auth/identity.ts';
import { feedIs } from '../support/feed-is.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { openStream } from '../support/result-stream.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import {
  CLIENT,
  type CollectedSpan,
  FAILED,
  SERVER,
  startTraceCollector,
  type TraceCollector,
} from '../support/trace-collector.ts';

let collector: TraceCollector;
let testApp: TestApp;
let id: string;

beforeAll(async () => {
  collector = await startTraceCollector();
  // The exporter reads its own variables.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.url;
  process.env.OTEL_EXPORTER_OTLP_HEADERS = 'api-key=the-key-of-the-collector';
  process.env.OTEL_SERVICE_NAME = 'stationmaster-test';
  testApp = await startTestApp({
    fleet: { managers: 3, workstations: 5 },
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      RATE_LIMIT_PER_TOKEN: '10000',
    },
  });
  const { data } = await testApp.ask('{ workstations(first: 1) { nodes { id } } }');
  id = data.workstations.nodes[0].id;
});

afterAll(async () => {
  await testApp.close();
  await collector.close();
});

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/** A trace that a client began. */
function begin(flags = '01') {
  const traceId = hex(16);
  const spanId = hex(8);
  const traceparent = `00-${traceId}-${spanId}-${flags}`;
  return { traceId, spanId, traceparent };
}

type Trace = ReturnType<typeof begin>;

interface Sent {
  readonly query: string;
  readonly variables?: object;
}

async function post(body: Sent, { traceparent }: Trace, headers: Record<string, string> = {}) {
  return fetch(`${testApp.app.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await testApp.token('ADMIN')}`,
      traceparent,
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

/** Sends an operation over a WebSocket of its own and resolves to the first message. */
async function overSocket(payload: Sent, { traceparent }: Trace, role: Role = 'ADMIN') {
  const socket = await RawSocket.open(testApp.app.url);
  await socket.initialize({ authorization: `Bearer ${await testApp.token(role)}` });
  socket.send({ id: 'a', type: 'subscribe', payload: { ...payload, extensions: { traceparent } } });
  return socket;
}

/** The span of the operation that continues a client's trace. */
async function spanOf({ traceId, spanId }: Trace): Promise<CollectedSpan> {
  const [span] = await collector.find((each) => each.traceId === traceId && each.parentSpanId === spanId);
  return span!;
}

const childrenOf = ({ spanId }: CollectedSpan) => collector.spans.filter((span) => span.parentSpanId === spanId);

const summaryOf = ({ kind, name, attributes }: CollectedSpan) => ({
  kind,
  name,
  operation: attributes['graphql.operation.name'],
  hit: attributes['cache.hit'],
});

/** Understood as JSON, but not plain enough for the fast path. */
const BY_FASTIFY = { 'content-type': 'application/json; charset=utf-8' };

describe('An operation', () => {
  test('continues the trace of its client, with its loads and statements as children', async () => {
    const trace = begin();
    await testApp.app.cache.clear();
    const query =
      'query First($id: ID!) { workstation(id: $id) { name } workstations(filter: { nameContains: "zz" }) { totalCount } }';
    await post({ query, variables: { id } }, trace);
    const span = await spanOf(trace);
    expect(summaryOf(span)).toEqual({ kind: SERVER, name: 'query', operation: 'First', hit: false });
    expect(span.attributes).toMatchObject({ 'graphql.operation.type': 'query', 'cache.outcome': 'miss' });
    expect(span.attributes['graphql.document']).toBe(
      'query First($id: ID!) {\n  workstation(id: $id) {\n    name\n  }\n  workstations(filter: {nameContains: ?}) {\n    totalCount\n  }\n}',
    );
    expect(span.resource).toMatchObject({ 'service.name': 'stationmaster-test', 'process.pid': process.pid });
    const loads = childrenOf(span);
    expect(loads.map(({ name, attributes }) => [name, attributes['cache.layer']]).sort()).toEqual([
      ['cache.load', 'workstations'],
      ['cache.load', 'workstations_count'],
      ['cache.load', 'workstations_list'],
    ]);
    const statements = loads.flatMap(childrenOf);
    expect(statements.map(({ kind, name }) => [kind, name])).toEqual([
      [CLIENT, 'SELECT workstation'],
      [CLIENT, 'SELECT workstation'],
      [CLIENT, 'SELECT workstation'],
    ]);
    for (const { attributes } of statements) {
      expect(attributes).toMatchObject({
        'db.system.name': 'postgresql',
        'db.operation.name': 'SELECT',
        'db.collection.name': 'workstation',
      });
      expect(attributes['db.query.text']).toMatch(/^select .*\$1/s);
    }
  });

  test('that is answered from the response cache has a span that says so', async () => {
    const query = '{ managers(first: 2) { nodes { name } } }';
    await post({ query }, begin());
    for (const headers of [{}, BY_FASTIFY]) {
      const trace = begin();
      await post({ query }, trace, headers);
      const span = await spanOf(trace);
      expect(summaryOf(span)).toEqual({ kind: SERVER, name: 'query', operation: undefined, hit: true });
      expect(childrenOf(span)).toEqual([]);
    }
  });

  test('that is compiled has the same spans', async () => {
    const query = 'query Compiled($id: ID!) { manager(id: $id) { name } }';
    let trace = begin();
    for (let time = 0; time < 5; time++) {
      trace = begin();
      await testApp.app.cache.clear();
      await post({ query, variables: { id } }, trace);
    }
    const span = await spanOf(trace);
    expect(summaryOf(span)).toMatchObject({ kind: SERVER, name: 'query', operation: 'Compiled' });
    expect(childrenOf(span)).toMatchObject([{ name: 'cache.load' }]);
    expect(childrenOf(childrenOf(span)[0]!)).toMatchObject([{ name: 'SELECT manager' }]);
  });

  test('that writes has its statement as a child, without the values', async () => {
    const trace = begin();
    const query =
      'mutation Rename($id: ID!, $name: String!) { updateWorkstation(id: $id, input: { name: $name }) { name } }';
    const response = await post({ query, variables: { id, name: 'confidential-name' } }, trace);
    expect(await response.json()).toMatchObject({ data: { updateWorkstation: { name: 'confidential-name' } } });
    const span = await spanOf(trace);
    expect(summaryOf(span)).toMatchObject({ kind: SERVER, name: 'mutation', operation: 'Rename' });
    const [statement] = childrenOf(span);
    expect(statement).toMatchObject({ kind: CLIENT, name: 'UPDATE workstation' });
    expect(statement!.attributes).not.toHaveProperty('db.query.text');
  });

  test('that runs a transaction of MikroORM has its statements as children', async () => {
    const trace = begin();
    const query =
      'mutation { updateWorkstations(filter: { nameContains: "confidential" }, input: { addTags: ["x"] }) { changed } }';
    const response = await post({ query }, trace);
    expect(await response.json()).toMatchObject({ data: { updateWorkstations: { changed: 1 } } });
    const statements = childrenOf(await spanOf(trace));
    expect(statements.map(({ name }) => name)).toContain('UPDATE workstation');
    expect(statements.every(({ attributes }) => attributes['db.query.text'] === undefined)).toBe(true);
  });

  test('over a WebSocket continues the trace in its extensions, and shares cached responses', async () => {
    const query = '{ workstations(first: 2) { nodes { name } } }';
    for (const hit of [false, true]) {
      const trace = begin();
      const socket = await overSocket({ query }, trace);
      expect(await socket.next()).toMatchObject({ type: 'next' });
      socket.socket.terminate();
      expect(summaryOf(await spanOf(trace))).toMatchObject({ kind: SERVER, name: 'query', hit });
    }
  });

  test('without a trace of its client begins one', async () => {
    await testApp.ask('query Alone { __typename }');
    const [span] = await collector.find(({ attributes }) => attributes['graphql.operation.name'] === 'Alone');
    expect(span).toMatchObject({ kind: SERVER, name: 'query' });
    expect(span!.parentSpanId).toBeFalsy();
  });

  test('whose client does not record its trace is not recorded either', async () => {
    const trace = begin('00');
    await post({ query: 'query Unrecorded { workstations(first: 4) { nodes { id } } }' }, trace);
    await post({ query: '{ __typename }' }, begin());
    await collector.find(({ attributes }) => attributes['graphql.operation.name'] === 'Alone');
    expect(collector.spans.filter(({ traceId }) => traceId === trace.traceId)).toEqual([]);
  });

  test('that is refused says why, and is no fault of the server', async () => {
    const [refused, unknown, missing] = [begin(), begin(), begin()];
    await post({ query: '{ __typename }' }, refused, { authorization: 'Bearer nonsense' });
    await post({ query: '{ nothing }' }, unknown);
    await post(
      { query: `mutation { deleteManager(id: "${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}") }` },
      missing,
    );
    for (const [trace, code] of [
      [refused, 'UNAUTHENTICATED'],
      [unknown, 'BAD_USER_INPUT'],
      [missing, 'NOT_FOUND'],
    ] as const) {
      const span = await spanOf(trace);
      expect(span.attributes['graphql.error.codes']).toEqual([code]);
      expect(span.status.code ?? 0).toBe(0);
    }
  });

  test('that fails is a failed span, and so is its load', async () => {
    const trace = begin();
    await testApp.app.cache.clear();
    await testApp.sql('alter table manager rename to gone');
    await post({ query: '{ managers(first: 3) { nodes { name } } }' }, trace);
    await testApp.sql('alter table gone rename to manager');
    // The feed would notice within a second that a table was changed: during another test.
    testApp.app.feed.lose(new Error('A table was changed.'));
    await feedIs(testApp, 'live');
    const span = await spanOf(trace);
    expect(span.attributes['error.type']).toBe('INTERNAL_SERVER_ERROR');
    expect(span.status.code).toBe(FAILED);
    const [load] = childrenOf(span);
    const [statement] = childrenOf(load!);
    expect([load!.status.code, statement!.status.code]).toEqual([FAILED, FAILED]);
    expect(statement!.attributes).toMatchObject({ 'error.type': '42P01', 'db.response.status_code': '42P01' });
  });
});

describe('A subscription', () => {
  const query = 'subscription Changes { workstationChanged { kind workstation { name manager { name } } } }';

  /** Those of other tests end a little after their clients. */
  async function untilSubscriptions(count: number) {
    while (testApp.app.sockets().activeSubscriptions !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  beforeEach(() => untilSubscriptions(0));

  async function rename() {
    await testApp.sql('update workstation set name = $1 where id = $2', [`renamed-${hex(4)}`, id]);
  }

  test('over a WebSocket has a span, to which those of its events link', async () => {
    const trace = begin();
    const socket = await overSocket({ query }, trace);
    await untilSubscriptions(1);
    await rename();
    expect(await socket.next()).toMatchObject({ type: 'next' });
    socket.socket.terminate();
    await expectLinkedExecution(await spanOf(trace), 'Changes');
  });

  test('that is refused says why', async () => {
    const trace = begin();
    const socket = await overSocket({ query }, trace, 'MONITOR');
    expect(await socket.next()).toMatchObject({ payload: expect.anything() });
    socket.socket.terminate();
    const span = await spanOf(trace);
    expect(span).toMatchObject({ name: 'subscription', attributes: { 'graphql.error.codes': ['FORBIDDEN'] } });
  });

  test('over server-sent events has the same', async () => {
    const trace = begin();
    const { traceparent } = trace;
    const authorization = `Bearer ${await testApp.token('ADMIN')}`;
    const stream = await openStream(`${testApp.app.url}/graphql`, { query }, { authorization, traceparent });
    await untilSubscriptions(1);
    await rename();
    expect(await stream.next()).toMatchObject({ event: 'next' });
    stream.stop();
    await expectLinkedExecution(await spanOf(trace), 'Changes');
  });

  test('that is a live query has spans for its executions, with their loads', async () => {
    const trace = begin();
    await testApp.app.cache.clear();
    const document = 'query Live($id: ID!) @live { workstation(id: $id) { name } }';
    const socket = await overSocket({ query: document, variables: { id } }, trace);
    expect(await socket.next()).toMatchObject({ type: 'next' });
    const execution = await expectLinkedExecution(await spanOf(trace), 'Live');
    expect(childrenOf(execution)).toMatchObject([{ name: 'cache.load' }]);
    socket.socket.terminate();
  });

  async function expectLinkedExecution(started: CollectedSpan, name: string): Promise<CollectedSpan> {
    expect(started.attributes['graphql.operation.name']).toBe(name);
    const isLinked = ({ links }: CollectedSpan) => links.some(({ spanId }) => spanId === started.spanId);
    const [execution] = await collector.find(isLinked);
    expect(summaryOf(execution!)).toMatchObject({ kind: SERVER, operation: name });
    expect(execution!.traceId).not.toBe(started.traceId);
    return execution!;
  }
});

test('Nothing secret is exported', async () => {
  const trace = begin();
  const query = `mutation { enrollAgent(token: "sme_confidential", input: { machineId: "confidential-machine", name: "confidential-name",
    hostname: "h", ipAddress: "10.0.0.1", operatingSystem: "o" }) { key } }`;
  await post({ query }, trace);
  const span = await spanOf(trace);
  expect(span.attributes['graphql.operation.type']).toBe('mutation');
  const exported = collector.bodies.join();
  for (const secret of ['confidential', 'Bearer', await testApp.token('ADMIN'), 'the-key-of-the-collector', id]) {
    expect(exported).not.toContain(secret);
  }
  expect(collector.headers.at(-1)).toMatchObject({ 'api-key': 'the-key-of-the-collector' });
});
