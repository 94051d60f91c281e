import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { type Proxy as DatabaseProxy, startProxy } from './proxy.ts';

/** A server process and its proxy to PostgreSQL. It stays the same instance after a restart. */
export interface Instance {
  readonly number: number;
  readonly url: string;
  readonly proxy: DatabaseProxy;
  start(): Promise<void>;
  /** Stops the process in good order and waits for its end. */
  stop(): Promise<void>;
  /** Pauses and resumes the whole process, which does not notice the pause. */
  pause(): void;
  resume(): void;
  /** Stops reading what the process logs, and reads it again. */
  stallLog(): void;
  readLog(): void;
  /** Whether the process answers at all. */
  isAnswering(): Promise<boolean>;
  /** Whether the instance reports itself as ready, which means that it hears every change. */
  isReady(): Promise<boolean>;
  /** Ends the process in any state. */
  destroy(): Promise<void>;
}

export interface InstanceOptions {
  readonly number: number;
  readonly database: { readonly url: string; readonly port: number };
  readonly redisUrl: string | null;
  readonly changeFeed: 'notify' | 'logical' | 'mixed';
  readonly sabotage: string;
  /** Called when the process ends unexpectedly. */
  readonly onCrash: (text: string) => void;
}

const ROOT = new URL('../../', import.meta.url);
const SECRET = 'a secret of the coherence checker, longer than 32 bytes';
const START_DEADLINE_MS = 30_000;
const ANSWER_DEADLINE_MS = 3000;
const LOG_LINES_KEPT = 20;
/** Fewer than the fleet's workstations. */
const FEW_ENTRIES = '20';

/** A token that every instance accepts for the whole run. */
export function signToken(role: 'OPERATOR' | 'ADMIN'): Promise<string> {
  return new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('coherence')
    .setIssuedAt()
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(SECRET));
}

/** Prepares an instance; `start` runs it. */
export async function createInstance(options: InstanceOptions): Promise<Instance> {
  const { number, database, sabotage, onCrash } = options;
  const proxied = new URL(database.url);
  const proxy = await startProxy({ host: proxied.hostname, port: database.port });
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  proxied.host = `127.0.0.1:${proxy.port}`;
  let running: { readonly child: ChildProcess; readonly exited: Promise<void> } | undefined;
  let isStopping = false;

  const isReady = async () => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => null);
    await response?.body?.cancel();
    return response?.status === 200;
  };
  const instance: Instance = {
    number,
    url,
    proxy,
    isReady,
    async start() {
      isStopping = false;
      const logged: string[] = [];
      // A sabotage changes modules, which the program has put together.
      const program =
        sabotage === 'none'
          ? ['dist/server/main.js']
          : ['--import', './test/coherence/sabotage.ts', 'dist/src/main.js'];
      const child = spawn(process.execPath, program, {
        cwd: ROOT,
        env: { ...environment(port, proxied.href, options), COHERENCE_SABOTAGE: sabotage },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout!.resume();
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        logged.push(...text.split('\n').filter((line) => line !== ''));
        logged.splice(0, logged.length - LOG_LINES_KEPT);
      });
      const exited = new Promise<void>((resolve) => {
        child.on('exit', (code, signal) => {
          running = undefined;
          if (!isStopping) onCrash(`instance ${number} ended with ${signal ?? code}:\n${logged.join('\n')}`);
          resolve();
        });
      });
      running = { child, exited };
      const deadlineMs = performance.now() + START_DEADLINE_MS;
      while (!(await isReady())) {
        if (!running) throw new Error(`Instance ${number} ended before it was ready:\n${logged.join('\n')}`);
        if (performance.now() > deadlineMs) throw new Error(`Instance ${number} did not become ready in time.`);
        await sleep(50);
      }
    },
    async stop() {
      isStopping = true;
      running?.child.kill('SIGTERM');
      await running?.exited;
    },
    stallLog: () => void running?.child.stdout?.pause(),
    readLog: () => void running?.child.stdout?.resume(),
    async isAnswering() {
      const signal = AbortSignal.timeout(ANSWER_DEADLINE_MS);
      const response = await fetch(`${url}/livez`, { signal }).catch(() => null);
      await response?.body?.cancel();
      return response?.status === 200;
    },
    pause: () => void running?.child.kill('SIGSTOP'),
    resume: () => void running?.child.kill('SIGCONT'),
    async destroy() {
      isStopping = true;
      running?.child.kill('SIGKILL');
      await running?.exited;
      await proxy.close();
    },
  };
  return instance;
}

function environment(
  port: number,
  databaseUrl: string,
  { number, redisUrl, changeFeed }: InstanceOptions,
): NodeJS.ProcessEnv {
  const { PATH, HOME, TZ } = process.env;
  // Every second instance holds so few entries that it reads from Redis all the time; the others keep entries that no
  // reader renews.
  const tier = redisUrl && { REDIS_URL: redisUrl, ...(number % 2 === 0 && { CACHE_MAX_ENTRIES: FEW_ENTRIES }) };
  return {
    PATH,
    HOME,
    TZ,
    NODE_ENV: 'production',
    AUTH_JWT_SECRET: SECRET,
    DATABASE_URL: databaseUrl,
    CHANGE_FEED: changeFeed === 'logical' || (changeFeed === 'mixed' && number % 2 === 0) ? 'logical' : 'notify',
    PORT: String(port),
    HOST: '127.0.0.1',
    // A line for each executed operation, so that a log that nobody reads fills up.
    LOG_LEVEL: 'info',
    SHUTDOWN_GRACE_SECONDS: '2',
    RATE_LIMIT_PER_TOKEN: 'off',
    CACHE_AUDIT_PERCENT: '100',
    // Every row has one writer.
    OFFLINE_AFTER_SECONDS: 'off',
    ...tier,
  };
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
