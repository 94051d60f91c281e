import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operator } from './operator.ts';

export { freePort as findFreePort } from '../../bench/free-port.ts';

/** The whole server as a separate process, as it runs in production. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** Its output so far. */
  readonly output: string;
  /** Resolves to the match as soon as the output matches the pattern. */
  untilPrinted(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves to its URL once it is ready. */
  untilReady(): Promise<string>;
  /** Resolves to its exit code, or to the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Kills it. */
  destroy(): Promise<void>;
}

const ROOT = new URL('../../', import.meta.url);

const BASE_ENV = {
  NODE_ENV: 'test',
  PORT: '0',
  AUTH_JWT_SECRET: 'nobody signs with it, because nobody has to',
  ANONYMOUS_ROLE: 'ADMIN',
  WARM_UP: 'off',
  // The machines of a seeded fleet never report.
  OFFLINE_AFTER_SECONDS: 'off',
  LOG_LEVEL: 'warn',
};

/**
 * Starts the build in `dist`: Jest's global setup makes it, and so do the commands that run without Jest.
 * @param stdout a file descriptor for its standard output, which is not part of `output` then
 * @param folder the package that has the build
 */
export function startServer(
  env: Record<string, string>,
  nodeOptions: readonly string[] = [],
  stdout: number | 'pipe' = 'pipe',
  folder: string | URL = ROOT,
): ServerProcess {
  const { PATH, HOME, TMPDIR, HTTP_FAST_PATH, TEST_CHANGE_FEED } = process.env;
  const feed = env.DATABASE_URL && TEST_CHANGE_FEED ? { CHANGE_FEED: TEST_CHANGE_FEED } : {};
  const child = spawn(process.execPath, [...nodeOptions, 'dist/server/main.js'], {
    cwd: folder,
    env: { PATH, HOME, TMPDIR, HTTP_FAST_PATH, ...BASE_ENV, ...feed, ...env },
    stdio: ['ignore', stdout, 'pipe'],
  });
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  let output = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const look of waiting) look();
    });
  }
  const untilPrinted = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(output);
        if (!found) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      exited.then((how) => reject(new Error(`The server ended with ${how} before it printed ${pattern}:\n${output}`)));
    });
  return {
    child,
    exited,
    untilPrinted,
    get output() {
      return output;
    },
    untilReady: async () => (await untilPrinted(/GraphQL +(http\S+)\/graphql/))[1]!,
    async destroy() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Repeats `ask` until its result is as wanted, for changes in another process that no event announces. */
export async function until<Result>(
  ask: () => Promise<Result>,
  isWanted: (result: Result) => boolean,
): Promise<Result> {
  for (;;) {
    const result = await ask();
    if (isWanted(result)) return result;
    await sleep(20);
  }
}

/**
 * Waits until the server hears of changes, and never lost its change feed for another reason than a machine that was too busy
 * to deliver an echo in time. It loses the feed then, too, but not because of what it was told.
 */
export async function untilAllHeard(server: ServerProcess, readiness: Operator['readiness']): Promise<void> {
  await until(
    async () => (await readiness()).details,
    ({ changeFeed, gaps }) => changeFeed === 'live' && gaps === (server.output.match(LATE_ECHO)?.length ?? 0),
  );
}

const LATE_ECHO = /does not deliver notifications|is not decoded in time/g;
