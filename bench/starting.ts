import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withFleet } from './database.ts';
import { freePort } from './free-port.ts';
import { median } from './median.ts';
import { usageOf } from './process-usage.ts';

const USAGE = `Measures how the built program starts: the time until /readyz answers 200, the processor time until then, and the
memory that it has then; on PostgreSQL in production, and on the embedded database in development.

  npm run bench:starting -- [--rounds 9] [--baseline ../before]

  --baseline  a folder with another checkout of this project, built: both builds take turns in every round

It creates a database for each build on the PostgreSQL of DATABASE_URL, and drops it at the end. All databases were used before, so
that none is created or migrated.`;

const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url));
const POLL_MS = 5;
const PATIENCE_MS = 60_000;

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

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '9' },
      baseline: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const builds = [{ name: '', folder: OWN_FOLDER }];
  if (values.baseline) builds.push({ name: ', baseline', folder: resolve(values.baseline) });
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-starting-'));
  try {
    await withDatabases(builds, [], async (urls) => {
      const subjects = builds.flatMap(({ name, folder: build }, at): Subject[] => [
        { title: `PostgreSQL${name}`, folder: build, environment: onPostgresql(urls[at]!) },
        { title: `embedded${name}`, folder: build, environment: { DATA_DIR: join(folder, String(at)) } },
      ]);
      const starts = new Map(subjects.map((subject) => [subject, [] as Start[]]));
      // The round before the first creates the embedded databases.
      for (let round = 0; round <= Number(values.rounds); round++) {
        for (const [subject, measured] of starts) {
          const start = await startOnce(subject);
          if (round > 0) measured.push(start);
          console.log(`round ${round}, ${subject.title}: ${inWords(start)}`);
        }
      }
      report(starts);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A database for each build, whose migrations may differ. */
async function withDatabases(
  [build, ...others]: readonly { readonly folder: string }[],
  urls: readonly string[],
  work: (urls: readonly string[]) => Promise<void>,
): Promise<void> {
  if (build === undefined) return work(urls);
  return withFleet(1000, ({ url }) => withDatabases(others, [...urls, url], work), build.folder);
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
    const { cpuMs, residentMegabytes } = await usageOf(program.pid!);
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

function inWords({ readyMs, cpuMs, megabytes }: Start): string {
  return `ready after ${Math.round(readyMs)} ms, ${Math.round(cpuMs)} ms of CPU, ${Math.round(megabytes)} MiB`;
}

function report(starts: ReadonlyMap<Subject, readonly Start[]>): void {
  console.log('\nstart | ready after ms: median | fastest | CPU ms | resident MiB');
  console.log('----- | ---------------------: | ------: | -----: | -----------:');
  for (const [{ title }, measured] of starts) {
    const of = (figure: keyof Start) => measured.map((start) => start[figure]);
    const figures = [median(of('readyMs')), Math.min(...of('readyMs')), median(of('cpuMs')), median(of('megabytes'))];
    console.log([title, ...figures.map(Math.round)].join(' | '));
  }
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
