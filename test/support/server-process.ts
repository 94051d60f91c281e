import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The whole server as a process of its own, as it runs in production. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** Everything it has printed so far. */
  readonly output: string;
  /** Resolves as soon as it has printed what the pattern looks for, and with what that found. */
  untilPrinted(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves once it is ready, with where it is reached. */
  untilReady(): Promise<string>;
  /** Its exit code, or the signal that ended it, once it has ended. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Ends it, whatever state it is in. */
  destroy(): Promise<void>;
}

const ROOT = new URL('../../', import.meta.url);

const BASE_ENV = {
  NODE_ENV: 'test',
  PORT: '0',
  AUTH_JWT_SECRET: 'nobody signs with it, because nobody has to',
  ANONYMOUS_ROLE: 'ADMIN',
  WARM_UP: 'off',
  LOG_LEVEL: 'warn',
};

/** As it stands, which needs no build and takes longer to start; or as it was built. */
const FROM_SOURCE = ['--import', './test/support/typescript.ts', 'src/main.ts'];
export const AS_BUILT = ['dist/src/main.js'];

/** @param stdout a file descriptor for its standard output, which is not part of `output` then */
export function startServer(
  env: Record<string, string>,
  command: readonly string[] = FROM_SOURCE,
  stdout: number | 'pipe' = 'pipe',
): ServerProcess {
  const { PATH, HOME, TMPDIR, HTTP_FAST_PATH } = process.env;
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { PATH, HOME, TMPDIR, HTTP_FAST_PATH, ...BASE_ENV, ...env },
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

/** Asks again until the answer is as wanted: for what happens in the other process by itself. */
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

/** For a server that is to be asked before it can say where it listens. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
