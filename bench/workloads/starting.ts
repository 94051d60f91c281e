import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Baseline, Bench, Report, Workload } from '../bench.ts';
import { freePort } from '../free-port.ts';
import { median } from '../median.ts';
import { usageOf } from '../process-usage.ts';
import { atMost } from '../verdict.ts';

const OWN_FOLDER = fileURLToPath(new URL('../..', import.meta.url));
const POLL_MS = 5;
const PATIENCE_MS = 60_000;
const STARTS_A_ROUND = 3;
/** V8 takes half a gigabyte for a moment while it optimizes the embedded database. */
const SETTLING_MS = 3000;

interface Subject {
  readonly title: string;
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly megabytes: number;
}

export const starting: Workload = { name: 'starting', run };

async function run({ fleet, baseline, rounds, progress }: Bench): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-starting-'));
  const starts = new Map(subjectsOf(fleet.url, baseline, folder).map((subject) => [subject, [] as Start[]]));
  try {
    // The round before the first creates the embedded databases.
    for (let round = 0; round <= STARTS_A_ROUND * rounds; round++) {
      for (const [subject, measured] of starts) {
        const start = await startOnce(subject);
        if (round > 0) measured.push(start);
        progress(`  start ${round}, ${subject.title}: ready after ${Math.round(start.readyMs)} ms`);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return report(starts);
}

/** Their databases were used before, so that none is created or migrated. */
function subjectsOf(url: string, baseline: Baseline | null, folder: string): Subject[] {
  const builds = [{ name: '', folder: OWN_FOLDER, url }];
  if (baseline) builds.push({ name: ', baseline', folder: resolve(baseline.folder), url: baseline.fleet.url });
  return builds.flatMap(({ name, folder: build, url }, at): Subject[] => [
    { title: `PostgreSQL${name}`, folder: build, environment: onPostgresql(url) },
    { title: `embedded${name}`, folder: build, environment: { DATA_DIR: join(folder, String(at)) } },
  ]);
}

function onPostgresql(url: string): NodeJS.ProcessEnv {
  return { NODE_ENV: 'production', DATABASE_URL: url, AUTH_JWT_SECRET: randomBytes(32).toString('hex') };
}

async function startOnce({ folder, environment }: Subject): Promise<Start> {
  const port = await freePort();
  const startedAtMs = performance.now();
  const { scripts } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const [, ...args] = (scripts.start as string).split(' ');
  const program = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(program, 'exit');
  try {
    await untilReady(program, port);
    const readyMs = performance.now() - startedAtMs;
    const { cpuMs } = await usageOf(program.pid!);
    await sleep(SETTLING_MS);
    const { residentMegabytes } = await usageOf(program.pid!);
    return { readyMs, cpuMs, megabytes: residentMegabytes };
  } finally {
    program.kill('SIGINT');
    await ended;
  }
}

async function untilReady(program: ChildProcess, port: number): Promise<void> {
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < PATIENCE_MS) {
    if (program.exitCode !== null) throw new Error(`The program ended with ${program.exitCode}.`);
    const status = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (answer) => answer.status,
      () => null,
    );
    if (status === 200) return;
    await sleep(POLL_MS);
  }
  throw new Error('The program did not become ready.');
}

function report(starts: ReadonlyMap<Subject, readonly Start[]>): Report {
  const rows = [...starts].map(([{ title }, measured]) => {
    const of = (figure: keyof Start) => measured.map((start) => start[figure]);
    return [
      title,
      median(of('readyMs')),
      Math.min(...of('readyMs')),
      median(of('cpuMs')),
      median(of('megabytes')),
    ] as const;
  });
  const [[, postgresqlMs, , , postgresqlMegabytes], [, embeddedMs, , , embeddedMegabytes]] = rows as [
    (typeof rows)[number],
    (typeof rows)[number],
  ];
  return {
    name: 'starting',
    title: 'Starting',
    method:
      'The built program until `/readyz` answers 200, and its memory three seconds later: on PostgreSQL in production, and on the embedded ' +
      'database in development. All databases were used before, so that none is created or migrated.',
    columns: ['', 'ready after ms: median', 'fastest', 'CPU ms', 'resident MiB'],
    rows: rows.map(([title, ...figures]) => [title, ...figures.map(Math.round)]),
    verdicts: [
      atMost('PostgreSQL: ready within 1,200 ms', postgresqlMs, 1200),
      atMost('PostgreSQL: at most 130 MiB', postgresqlMegabytes, 130),
      atMost('embedded: ready within 2,000 ms', embeddedMs, 2000),
      atMost('embedded: at most 350 MiB', embeddedMegabytes, 350),
    ],
  };
}
