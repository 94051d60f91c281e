import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import type { Database } from '../src/database/database.ts';

const USAGE = `Measures how an instance starts: without a second cache tier, with one that a running instance has filled, and with
one that nobody has vouched for since.

  npm run bench:warm-start -- [--rounds 5] [--connections 16]

It makes and drops a database of its own on the PostgreSQL that TEST_DATABASE_URL names, and starts a redis-server of its
own for each measurement.`;

const SERVER_URL = process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test';
const WORKSTATIONS = 2000;
const READ = 'query ($id: ID!) { workstation(id: $id) { id name hostname ipAddress status cpuUsage version } }';

const CASES = ['no second tier', 'filled, another instance runs', 'filled, nobody runs'] as const;

type Case = (typeof CASES)[number];

interface Measurement {
  readonly startMs: number;
  readonly statements: number;
  readonly requestsMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Instance {
  readonly url: string;
  readonly startMs: number;
  countStatements(): Promise<number>;
  stop(): Promise<void>;
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
  await withDatabase(async (databaseUrl, ids) => {
    const measured = new Map<Case, Measurement[]>(CASES.map((name) => [name, []]));
    // In turn, so that a slow minute of the machine falls on all.
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
  if (name === 'no second tier') return measureStart({ DATABASE_URL: databaseUrl }, ids, connections);
  const redis = await startRedis();
  try {
    const env = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url };
    const other = await startInstance(env);
    await readAll(other.url, ids, connections);
    if (name === 'filled, nobody runs') await other.stop();
    const result = await measureStart(env, ids, connections);
    if (name !== 'filled, nobody runs') await other.stop();
    return result;
  } finally {
    await redis.stop();
  }
}

async function measureStart(env: NodeJS.ProcessEnv, ids: readonly string[], connections: number): Promise<Measurement> {
  const instance = await startInstance(env);
  try {
    const before = await instance.countStatements();
    const startedAtMs = performance.now();
    const latencies = (await readAll(instance.url, ids, connections)).sort((a, b) => a - b);
    return {
      startMs: instance.startMs,
      requestsMs: performance.now() - startedAtMs,
      statements: (await instance.countStatements()) - before,
      p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
    };
  } finally {
    await instance.stop();
  }
}

/** Asks for each workstation once and returns how long each answer took, in milliseconds. */
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

async function startInstance(env: NodeJS.ProcessEnv): Promise<Instance> {
  const dataDir = await mkdtemp(join(tmpdir(), 'stationmaster-bench-'));
  const startedAtMs = performance.now();
  const child: ChildProcess = fork(new URL('./server.ts', import.meta.url), ['hot'], {
    env: {
      ...process.env,
      NODE_ENV: 'development',
      DATA_DIR: dataDir,
      PORT: '0',
      LOG_LEVEL: 'silent',
      WARM_UP: 'off',
      REDIS_URL: '',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return {
    url,
    startMs: performance.now() - startedAtMs,
    async countStatements() {
      child.send('statements');
      const [{ statements }] = (await once(child, 'message')) as [{ statements: number }];
      return statements;
    },
    async stop() {
      child.disconnect();
      await once(child, 'exit');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
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

async function withDatabase(work: (url: string, ids: readonly string[]) => Promise<void>): Promise<void> {
  const name = `stationmaster_bench_${randomBytes(6).toString('hex')}`;
  const server = new Client({ connectionString: SERVER_URL });
  await server.connect();
  await server.query(`create database ${name}`);
  const url = new URL(SERVER_URL);
  url.pathname = `/${name}`;
  try {
    const { openDatabase } = await import('../dist/src/database/database.js' as string);
    const { migrate } = await import('../dist/src/database/migrate.js' as string);
    const { seedFleet } = await import('../dist/src/database/seed.js' as string);
    const { entities } = await import('../dist/src/features/entities.js' as string);
    const database: Database = await openDatabase({ kind: 'postgresql', url: url.href, poolSize: 2 }, { entities });
    await migrate(database);
    await seedFleet(database, { managers: 100, workstations: WORKSTATIONS });
    const rows = await database.query<{ id: string }>('ids', 'select id from workstation order by id', []);
    await database.close();
    await work(
      url.href,
      rows.map(({ id }) => id),
    );
  } finally {
    await server.query(`drop database ${name} with (force)`);
    await server.end();
  }
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

function median(figures: readonly number[]): number {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)]!;
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
