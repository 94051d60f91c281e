import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../../../src/auth/identity.ts';
import { signToken } from '../../../src/auth/tokens.ts';
import type { Answer, AskOptions } from '../../../src/testing/test-app.ts';
import { createEmbeddedFolder } from '../../../src/testing/test-database.ts';
import { findFreePort, type ServerProcess, startServer } from '../../support/server-process.ts';

/** Put where a server in development keeps the one that it makes: given as a setting, it would turn off the role buttons. */
const SECRET = 'a secret for tests in a browser, of more than 32 bytes';

export interface ConsoleServerOptions {
  /** `DEMO_FLEET`: 100 managers and 1,000 workstations that are `still` or `live`, or nothing. Default `still`. */
  readonly fleet?: 'still' | 'live' | 'off';
  /** Further settings, as in `.env.example`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The built server as a process of its own, in development mode on an embedded database of its own. */
export interface ConsoleServer {
  /** `http://127.0.0.1:<port>`, the same after a restart. */
  readonly url: string;
  /** What it has printed since its last start. */
  readonly output: string;
  /** Sends an operation over HTTP, by default as ADMIN: another user's change, or what the page should show. */
  ask(document: string, options?: Pick<AskOptions, 'variables' | 'role'>): Promise<Answer>;
  /** Signs a token. */
  token(role: Role, expiresInSeconds?: number): Promise<string>;
  /** Ends it: by default in good order, with `SIGKILL` like a crash. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again after `stop`, on the same port and data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

export async function startConsoleServer({
  fleet = 'still',
  env = {},
}: ConsoleServerOptions = {}): Promise<ConsoleServer> {
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
  await createEmbeddedFolder(join(folder, 'pglite'));
  await writeFile(join(folder, 'jwt-secret'), SECRET);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  let server: ServerProcess;

  const start = async () => {
    server = startServer({
      NODE_ENV: 'development',
      DATA_DIR: folder,
      PORT: String(port),
      DEMO_FLEET: fleet,
      AUTH_JWT_SECRET: '',
      ANONYMOUS_ROLE: 'VIEWER',
      SHUTDOWN_DRAIN_SECONDS: '0',
      ...env,
    });
    await server.untilReady();
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    server.child.kill(signal);
    await server.exited;
  };
  const token = (role: Role, expiresInSeconds = 3600) =>
    signToken({ secret: SECRET, roles: [role], subject: 'browser', expiresInSeconds });

  await start();
  return {
    url,
    get output() {
      return server.output;
    },
    token,
    start,
    stop,
    async ask(document, { variables, role = 'ADMIN' } = {}) {
      const headers: Record<string, string> = { 'content-type': 'application/json' };
      if (role) headers.authorization = `Bearer ${await token(role)}`;
      const body = JSON.stringify({ query: document, variables });
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
      return (await response.json()) as Answer;
    },
    async close() {
      await server.destroy();
      await rm(folder, { recursive: true });
    },
  };
}
