import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { withFleet } from './database.ts';
import { freePort } from './free-port.ts';
import { median } from './median.ts';
import { STATIONMASTER, type StartOptions, startServer } from './servers.ts';

const USAGE = `Measures how an instance starts: without a second cache tier; with a tier that a running instance has filled;
and with a filled tier while no other instance runs.

  npm run bench:warm-start -- [--rounds 5] [--connections 16]

It creates a database on the PostgreSQL of DATABASE_URL, drops it at the end, and starts a separate redis-server for
each measurement.`;

const WORKSTATIONS = 2000;
const READ = 'query ($id: ID!) { workstation(id: $id) { id name hostname ipAddress status cpuUsage version } }';

const CASES = ['no second tier', 'filled, another instance runs', 'filled, no other instance runs'] as const;

type Case = (typeof CASES)[number];

interface Measurement {
  readonly startMs: number;
  readonly statements: number;
  readonly requestsMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  await withFleet(WORKSTATIONS, async ({ url: databaseUrl, ids }) => {
    const measured = new Map<Case, Measurement[]>(CASES.map((name) => [name, []]));
    // In turns, so that a slow minute of the machine affects all cases.
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const name of CASES) {
        const result = await measure(name, databaseUrl, ids, Number(values.connections));
        measured.get(name)!.push(result);
        console.log(`round ${round}, ${name}: ${result.statements} statements, ${Math.round(result.requestsMs)} ms`);
      }
    }
    report(measured, `${values.rounds} rounds, ${values.connections} connections, everything on this machine`);
  });
}

async function measure(
  name: Case,
  databaseUrl: string,
  ids: readonly string[],
  connections: number,
): Promise<Measurement> {
  if (name === 'no second tier') return measureStart({ databaseUrl }, ids, connections);
  const redis = await startRedis();
  try {
    const options = { databaseUrl, environment: { REDIS_URL: redis.url } };
    const other = await startServer(STATIONMASTER, options);
    await readAll(other.url, ids, connections);
    if (name === 'filled, no other instance runs') await other.stop();
    const result = await measureStart(options, ids, connections);
    if (name !== 'filled, no other instance runs') await other.stop();
    return result;
  } finally {
    await redis.stop();
  }
}

async function measureStart(options: StartOptions, ids: readonly string[], connections: number): Promise<Measurement> {
  const launchedAtMs = performance.now();
  const instance = await startServer(STATIONMASTER, options);
  try {
    const startMs = performance.now() - launchedAtMs;
    const before = await instance.usage();
    const startedAtMs = performance.now();
    const latencies = (await readAll(instance.url, ids, connections)).sort((a, b) => a - b);
    return {
      startMs,
      requestsMs: performance.now() - startedAtMs,
      statements: (await instance.usage()).statements - before.statements,
      p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
    };
  } finally {
    await instance.stop();
  }
}

/** Requests each workstation once. Returns each response time in milliseconds. */
async function readAll(url: string, ids: readonly string[], connections: number): Promise<number[]> {
  const waiting = [...ids];
  const latencies: number[] = [];
  const readOn = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const askedAtMs = performance.now();
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: READ, variables: { id } }),
      });
      const { data } = (await response.json()) as { data?: { workstation?: { id: string } } };
      if (data?.workstation?.id !== id) throw new Error(`Workstation ${id} was not answered.`);
      latencies.push(performance.now() - askedAtMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, readOn));
  return latencies;
}

async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(server.stdout)) if (line.includes('Ready to accept connections')) break;
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    },
  };
}

function report(measured: ReadonlyMap<Case, readonly Measurement[]>, conditions: string): void {
  console.log(`\n${WORKSTATIONS} workstations asked for one by one after a start; medians (${conditions})\n`);
  console.log('second tier | start ms | SQL statements | all answered ms | p50 ms | p99 ms');
  console.log('----------- | -------: | -------------: | --------------: | -----: | -----:');
  for (const [name, results] of measured) {
    const figure = (of: keyof Measurement) => median(results.map((result) => result[of]));
    const [startMs, statements, requestsMs] = [figure('startMs'), figure('statements'), figure('requestsMs')];
    const latencies = [figure('p50Ms').toFixed(2), figure('p99Ms').toFixed(2)];
    console.log([name, Math.round(startMs), statements, Math.round(requestsMs), ...latencies].join(' | '));
  }
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
