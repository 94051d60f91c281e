import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Question, Usage } from './measured-process.ts';
import { HAS_NGINX, startNginx } from './nginx.ts';

/** A server that the benchmark can measure. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  readonly module: URL;
  readonly arguments: readonly string[];
  /** Whether it caches responses, or parts of them, between requests. */
  readonly isCaching: boolean;
  readonly dialect: 'stationmaster' | 'postgraphile';
}

const peer = (file: string, settings: Omit<Contender, 'module' | 'dialect'> & Partial<Contender>): Contender => ({
  module: new URL(`./peers/dist/peers/${file}.js`, import.meta.url),
  dialect: 'stationmaster',
  ...settings,
});

export const FLOOR = peer('floor', { name: 'floor', title: 'bare node:http', arguments: [], isCaching: false });

/** Is no Node program, so it has no module: see nginx.ts. It sends the answer to the first request only. */
export const NGINX: Contender = { ...FLOOR, name: 'nginx', title: 'nginx, one process' };

/** Send bytes that are ready. */
export const FLOORS: readonly Contender[] = [FLOOR, ...(HAS_NGINX ? [NGINX] : [])];

const ownModule = new URL('./server.ts', import.meta.url);

export const STATIONMASTER: Contender = {
  name: 'stationmaster',
  title: 'Stationmaster',
  module: ownModule,
  arguments: ['hot'],
  isCaching: true,
  dialect: 'stationmaster',
};

/** The same server, but every request finds its caches empty. */
export const STATIONMASTER_COLD: Contender = { ...STATIONMASTER, arguments: ['cold'], isCaching: false };

/** The same server, but every request finds its caches full of other values. It is not judged. */
export const STATIONMASTER_FULL: Contender = {
  ...STATIONMASTER,
  title: 'Stationmaster, full caches',
  arguments: ['full'],
  isCaching: false,
};

/** The same server from another build: `folder` is a checkout that has been built. */
export function baselineOf(contender: Contender, folder: string): Contender {
  const module = pathToFileURL(resolve(folder, 'bench/server.ts'));
  return { ...contender, name: 'baseline', title: `${contender.title}, baseline`, module };
}

export const PEERS: readonly Contender[] = [
  peer('apollo', { name: 'apollo', title: 'Apollo + MikroORM', arguments: [], isCaching: false }),
  peer('apollo', {
    name: 'apollo-cached',
    title: 'Apollo + MikroORM, response cache',
    arguments: ['cached'],
    isCaching: true,
  }),
  peer('mercurius', { name: 'mercurius', title: 'Mercurius, JIT', arguments: [], isCaching: false }),
  peer('mercurius', {
    name: 'mercurius-cached',
    title: 'Mercurius, JIT, cache',
    arguments: ['cached'],
    isCaching: true,
  }),
  peer('yoga', { name: 'yoga', title: 'Yoga', arguments: [], isCaching: false }),
  peer('yoga', { name: 'yoga-cached', title: 'Yoga, response cache', arguments: ['cached'], isCaching: true }),
  peer('postgraphile', {
    name: 'postgraphile',
    title: 'PostGraphile 5',
    arguments: [],
    isCaching: false,
    dialect: 'postgraphile',
  }),
];

/** The peers that have subscriptions. */
export const SUBSCRIPTION_PEERS: readonly Contender[] = [
  peer('graphql-ws', { name: 'graphql-ws', title: 'graphql-ws', arguments: [], isCaching: false }),
  peer('mercurius', { name: 'mercurius', title: 'Mercurius', arguments: [], isCaching: false }),
];

export interface RunningServer {
  readonly url: string;
  usage(): Promise<Usage & { readonly details?: unknown }>;
  /** Empties the server's caches. Resolves to its usage afterwards. */
  clear(): Promise<Usage>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly databaseUrl: string;
  /** The responses of a floor, by request body. */
  readonly answers?: readonly (readonly [body: string, answer: string])[];
  readonly environment?: NodeJS.ProcessEnv;
}

export async function startServer(
  contender: Contender,
  { databaseUrl, answers, environment }: StartOptions,
): Promise<RunningServer> {
  if (contender === NGINX) return startNginx(answers![0]![1]);
  const { module, arguments: args, name } = contender;
  const dataDir = await mkdtemp(join(tmpdir(), 'stationmaster-bench-'));
  const child = fork(module, args, {
    env: { ...process.env, ...SETTINGS, DATABASE_URL: databaseUrl, DATA_DIR: dataDir, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  if (answers) child.send(answers);
  const { url } = (await messageOf(child, name)) as { url: string };
  const ask = async (question: Question) => {
    child.send(question);
    return (await messageOf(child, name)) as Usage;
  };
  return {
    url,
    usage: () => ask('usage'),
    clear: () => ask('clear'),
    async stop() {
      if (child.exitCode === null && child.connected) {
        child.disconnect();
        await once(child, 'exit');
      }
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts the program as its users do, possibly with several workers on one port. Its usage is not known. */
export async function startProgram({ databaseUrl, environment }: StartOptions): Promise<RunningServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'stationmaster-bench-'));
  const program = spawn(process.execPath, [fileURLToPath(new URL('../dist/server/main.js', import.meta.url))], {
    env: { ...process.env, ...SETTINGS, DATABASE_URL: databaseUrl, DATA_DIR: dataDir, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(program, 'exit');
  const nothing = async () => ({ statements: 0, cpuMs: 0, peakMegabytes: 0, residentMegabytes: 0 });
  return {
    url: await announcedBy(program.stdout),
    usage: nothing,
    clear: nothing,
    async stop() {
      program.kill('SIGINT');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function announcedBy(output: Readable): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  output.on('data', (chunk) => {
    text += chunk;
    const url = /GraphQL +(http:.*)\/graphql/.exec(text)?.[1];
    if (url) resolve(url);
  });
  output.on('close', () => reject(new Error(`Stationmaster did not start: ${text}`)));
  return promise;
}

/** The same for all servers; each reads the settings it knows. No server logs, limits rates or requires a token. */
const SETTINGS = {
  NODE_ENV: 'production',
  GRAPHILE_ENV: 'production',
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'silent',
  REDIS_URL: '',
  WARM_UP: 'off',
  OFFLINE_AFTER_SECONDS: 'off',
  DATABASE_POOL_SIZE: '10',
  RATE_LIMIT_PER_TOKEN: 'off',
  RATE_LIMIT_PER_ADDRESS: 'off',
  ANONYMOUS_ROLE: 'OPERATOR',
  AUTH_JWT_SECRET: randomBytes(32).toString('hex'),
};

async function messageOf(child: ChildProcess, name: string): Promise<unknown> {
  const over = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', over).then(([message]) => message),
      once(child, 'exit', over).then(([code]) => {
        throw new Error(`The server "${name}" ended with ${code}.`);
      }),
    ]);
  } finally {
    over.abort();
  }
}
