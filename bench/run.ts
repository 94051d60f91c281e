import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import type { CacheMode } from './server.ts';

const USAGE = `Measures the list query with the cache off, cold and hot, in turns, and prints medians.

  npm run bench -- [--seconds 4] [--rounds 3] [--connections 16]

It runs on the embedded database, or on the PostgreSQL that DATABASE_URL names, whose fleet it leaves as it is.`;

const LIST = `{ workstations(first: 50) {
  nodes { id name hostname ipAddress operatingSystem status cpuUsage memoryUsage diskUsage manager { id name email } }
} }`;

const MODES: readonly CacheMode[] = ['off', 'cold', 'hot'];

interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly statementsPerRequest: number;
}

interface BenchServer {
  readonly url: string;
  countStatements(): Promise<number>;
  stop(): Promise<void>;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [seconds, rounds, connections] = [values.seconds, values.rounds, values.connections].map(Number);
  const measured = new Map<CacheMode, Measurement[]>(MODES.map((mode) => [mode, []]));
  // Rounds in turn rather than one mode after the other, so that a slow minute of the machine falls on all of them.
  for (let round = 1; round <= rounds!; round++) {
    for (const mode of MODES) {
      const result = await measure(mode, seconds!, connections!);
      measured.get(mode)!.push(result);
      console.log(`round ${round}, ${mode}: ${Math.round(result.requestsPerSecond)} requests/s`);
    }
  }
  report(measured, `${seconds} s, ${rounds} rounds, ${connections} connections, ${availableParallelism()} cores`);
}

async function measure(mode: CacheMode, seconds: number, connections: number): Promise<Measurement> {
  const server = await startServer(mode);
  try {
    const load = (duration: number) =>
      autocannon({
        url: `${server.url}/graphql`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: LIST }),
        connections,
        duration,
      });
    await load(1);
    const before = await server.countStatements();
    const { requests, latency, non2xx, errors } = await load(seconds);
    if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed with the cache ${mode}.`);
    const statements = (await server.countStatements()) - before;
    return {
      requestsPerSecond: requests.average,
      p50Ms: latency.p50,
      p99Ms: latency.p99,
      statementsPerRequest: statements / requests.total,
    };
  } finally {
    await server.stop();
  }
}

async function startServer(mode: CacheMode): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'stationmaster-bench-'));
  const child: ChildProcess = fork(new URL('./server.ts', import.meta.url), [mode], {
    env: { ...process.env, NODE_ENV: 'development', DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return {
    url,
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

function report(measured: ReadonlyMap<CacheMode, readonly Measurement[]>, conditions: string): void {
  const off = median(measured.get('off')!, 'requestsPerSecond');
  console.log(`\nList of 50 workstations with their managers; medians (${conditions})\n`);
  console.log('cache | requests/s | against off | p50 ms | p99 ms | SQL statements/request');
  console.log('----- | ---------: | ----------: | -----: | -----: | ---------------------:');
  for (const [mode, results] of measured) {
    const figure = (name: keyof Measurement) => median(results, name);
    const requestsPerSecond = figure('requestsPerSecond');
    console.log(
      [
        mode,
        Math.round(requestsPerSecond),
        `${(requestsPerSecond / off).toFixed(2)} x`,
        figure('p50Ms'),
        figure('p99Ms'),
        figure('statementsPerRequest').toFixed(3),
      ].join(' | '),
    );
  }
}

function median(results: readonly Measurement[], name: keyof Measurement): number {
  const sorted = results.map((result) => result[name]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
