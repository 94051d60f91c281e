import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { withFleet } from './database.ts';
import { median } from './median.ts';
import { REPORT } from './queries.ts';
import { type RunningServer, STATIONMASTER, startServer } from './servers.ts';
import { TelemetryWriter } from './telemetry-writer.ts';

const USAGE = `Measures what live queries cost a server: different ones while the fleet reports, and equal ones that one change concerns.

  npm run bench:live -- [--seconds 10] [--queries 200] [--clients 1000] [--workstations 10000]

It creates a database on the PostgreSQL of DATABASE_URL (default postgres://postgres@127.0.0.1:5432/), and drops it at
the end.`;

const ROWS_PER_SECOND = 1000;
const REPORTS_PER_SECOND = 10;
const QUERIES_PER_SOCKET = 20;
const CHANGES = 20;
/** Longer than the throttle, so that no answer replaces another. */
const BETWEEN_CHANGES_MS = 400;
/** What the server's histogram shows when nothing delays its timer. */
const LOOP_RESOLUTION_MS = 10;

interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      queries: { type: 'string', default: '200' },
      clients: { type: 'string', default: '1000' },
      workstations: { type: 'string', default: '10000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [seconds, queries, clients] = [values.seconds, values.queries, values.clients].map(Number) as number[];
  await withFleet(Number(values.workstations), async ({ url, ids }) => {
    // Only an ADMIN may read the metrics without a token of its own.
    const server = await startServer(STATIONMASTER, { databaseUrl: url, environment: { ANONYMOUS_ROLE: 'ADMIN' } });
    try {
      await measureDifferent(server, ids, { seconds: seconds!, queries: queries! });
      await measureEqual(server, ids[0]!, clients!);
    } finally {
      await server.stop();
    }
  });
}

async function measureDifferent(
  server: RunningServer,
  ids: readonly string[],
  { seconds, queries }: { readonly seconds: number; readonly queries: number },
): Promise<void> {
  const { data } = await ask(server.url, { query: '{ managers(first: 100) { nodes { id } } }' });
  const managers = (data.managers.nodes as { id: string }[]).map(({ id }) => id);
  const traffic = { kind: 'telemetry', list: '', record: '', report: REPORT, ids, rowsPerSecond: ROWS_PER_SECOND };
  const writer = await TelemetryWriter.start(traffic as Parameters<typeof TelemetryWriter.start>[0], server.url);
  const live = await openAll(
    server.url,
    Array.from({ length: queries }, (_, at) => differentQuery(at, managers, ids)),
  );
  await sleep(2000);
  const [before, written] = [await server.usage(), writer!.progress];
  await scrape(server.url);
  live.answers = 0;
  await sleep(1000 * seconds);
  const [after, writtenAfter, metrics] = [await server.usage(), writer!.progress, await scrape(server.url)];
  const rate = (count: number) => (count / seconds).toFixed(1);
  const lag = (figure: string) =>
    Math.max(0, 1000 * metrics(`nodejs_eventloop_lag_${figure}seconds`) - LOOP_RESOLUTION_MS).toFixed(1);
  const statements = after.statements - before.statements - REPORTS_PER_SECOND * seconds;
  console.log(
    `${queries} different live queries, ${rate(writtenAfter.rows - written.rows)} rows a second: ${rate(live.answers)} answers and ` +
      `${rate(statements)} SQL statements a second, ${((after.cpuMs - before.cpuMs) / seconds / 10).toFixed(0)} % of a core; ` +
      `event-loop delay p50 ${lag('p50_')} ms, p99 ${lag('p99_')} ms, max ${lag('max_')} ms`,
  );
  writer!.stop();
  live.close();
}

/** Lists, counts, summaries and rows, as the pages of a console show them. */
function differentQuery(at: number, managers: readonly string[], ids: readonly string[]): Operation {
  const managerId = managers[Math.floor(at / 5) % managers.length]!;
  const page = (query: string, filter: object): Operation => ({
    query: `query ($filter: WorkstationFilter) @live { ${query} }`,
    variables: { filter },
  });
  switch (at % 5) {
    case 0:
      return page('workstations(first: 50, filter: $filter) { totalCount nodes { id name status cpuUsage } }', {
        managerId,
      });
    case 1:
      return page('fleetSummary(filter: $filter) { total byStatus { status count } cpuUsage { average maximum } }', {
        managerId,
      });
    case 2:
      return page(
        'workstations(first: 20, filter: $filter, orderBy: { field: CPU_USAGE, direction: DESC }) { nodes { name cpuUsage manager { name } } }',
        { managerId },
      );
    case 3:
      return page('workstations(filter: $filter) { totalCount }', { managerId, cpuUsage: { gte: 90 } });
    default:
      return {
        query: 'query ($id: ID!) @live { workstation(id: $id) { name status cpuUsage memoryUsage manager { name } } }',
        variables: { id: ids[at % ids.length] },
      };
  }
}

async function measureEqual(server: RunningServer, id: string, clients: number): Promise<void> {
  const query = 'query ($id: ID!) @live { workstation(id: $id) { name operatingSystem version } }';
  const live = await openAll(
    server.url,
    Array.from({ length: clients }, () => ({ query, variables: { id } })),
  );
  await sleep(1000);
  const executions = async () =>
    (await scrape(server.url))('stationmaster_request_duration_seconds_count', 'type="subscription"');
  const [before, executed] = [await server.usage(), await executions()];
  const tookMs: number[] = [];
  for (let change = 1; change <= CHANGES; change++) {
    live.answers = 0;
    const all = live.waitFor(clients);
    const startedAtMs = performance.now();
    await ask(server.url, {
      query:
        'mutation ($id: ID!, $system: String!) { updateWorkstation(id: $id, input: { operatingSystem: $system }) { id } }',
      variables: { id, system: `system ${change}` },
    });
    await all;
    tookMs.push(performance.now() - startedAtMs);
    await sleep(BETWEEN_CHANGES_MS);
    if (live.answers !== clients) throw new Error(`A change brought ${live.answers} answers to ${clients} clients.`);
  }
  const [after, executedAfter] = [await server.usage(), await executions()];
  console.log(
    `${clients} equal live queries: ${((executedAfter - executed) / CHANGES).toFixed(2)} executions a change, ` +
      `${((after.cpuMs - before.cpuMs) / CHANGES).toFixed(1)} ms of CPU; all had the answer ${median(tookMs).toFixed(0)} ms after the change was sent`,
  );
  live.close();
}

interface OpenQueries {
  /** Since it was set to 0. */
  answers: number;
  /** Resolves once there are so many answers. */
  waitFor(answers: number): Promise<void>;
  close(): void;
}

/** Opens live queries. Resolves when all have their first answer. */
async function openAll(url: string, operations: readonly Operation[]): Promise<OpenQueries> {
  const sockets: WebSocket[] = [];
  let waited = { answers: operations.length, done: () => {} };
  const open: OpenQueries = {
    answers: 0,
    waitFor(answers) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waited = { answers, done: resolve };
      if (open.answers >= answers) resolve();
      return promise;
    },
    close() {
      for (const socket of sockets) socket.removeAllListeners('close').terminate();
    },
  };
  const first = open.waitFor(operations.length);
  for (let from = 0; from < operations.length; from += QUERIES_PER_SOCKET) {
    const socket = await connect(url);
    sockets.push(socket);
    socket.on('message', (message: Buffer) => {
      const text = message.toString();
      if (text.includes('"type":"ping"')) return socket.send('{"type":"pong"}');
      if (!text.includes('"type":"next"') || text.includes('"errors"')) throw new Error(text.slice(0, 500));
      open.answers += 1;
      if (open.answers === waited.answers) waited.done();
    });
    operations.slice(from, from + QUERIES_PER_SOCKET).forEach((payload, id) => {
      socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload }));
    });
  }
  await first;
  return open;
}

async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  socket.on('close', (code) => {
    throw new Error(`The server closed a socket with ${code}.`);
  });
  return socket;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever is asked
async function ask(url: string, operation: Operation): Promise<any> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(operation) });
  return response.json();
}

/** Reads the metrics. The figures of the event loop are those since the last time. */
async function scrape(url: string): Promise<(name: string, label?: string) => number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return (name, label = '') =>
    text
      .split('\n')
      .filter((line) => line.startsWith(name) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

await run();
