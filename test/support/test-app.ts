import { Client } from 'pg';
import { type App, createApp } from '../../src/app.ts';
import type { Role } from '../../src/auth/identity.ts';
import { signToken } from '../../src/auth/tokens.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { seedFleet } from '../../src/features/demo-fleet/index.ts';
import { createEmbeddedDatabase, createServerDatabase, engine } from './databases.ts';
import { createTestClock, type TestClock } from './test-clock.ts';

export const TEST_SECRET = 'a secret for tests only, of more than 32 bytes';

export interface Answer {
  readonly data: any;
  readonly errors?: readonly { message: string; path?: unknown[]; extensions: { code: string; field?: string } }[];
  readonly extensions?: Record<string, unknown>;
}

export interface AskOptions {
  readonly variables?: Record<string, unknown>;
  /** `null`: without a token. Default ADMIN. */
  readonly role?: Role | null;
}

export interface TestApp {
  readonly app: App;
  readonly clock: TestClock;
  /** Asks over HTTP, as a front-end does. */
  ask(document: string, options?: AskOptions): Promise<Answer>;
  /** Runs SQL as another program would: in a session of its own on PostgreSQL, past the application on PGlite. */
  sql<Row = Record<string, any>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** How many SQL statements the application sends while `work` runs. */
  countStatements(work: () => Promise<unknown>): Promise<number>;
  /** Resolves once the application has heard of every change committed before the call. */
  heardEverything(): Promise<void>;
  token(role: Role, expiresInSeconds?: number): Promise<string>;
  close(): Promise<void>;
}

export interface TestAppOptions {
  readonly fleet?: { readonly managers: number; readonly workstations: number };
  readonly env?: Record<string, string>;
  /** Where the application connects instead of to the database itself; PostgreSQL only. */
  readonly connectThrough?: (url: URL) => Promise<URL>;
}

/** The real application on a database of its own, listening on a free port of this machine. */
export async function startTestApp({ fleet, env = {}, connectThrough }: TestAppOptions = {}): Promise<TestApp> {
  const clock = createTestClock();
  const { config, pglite, sql, dispose } =
    engine === 'postgresql' ? await onPostgresql(env, connectThrough) : await onPglite(env);
  const app = await createApp(config, { clock, pglite });
  if (fleet) await seedFleet(app.database, fleet);

  const token = (role: Role, expiresInSeconds = 3600) =>
    signToken({ secret: TEST_SECRET, roles: [role], subject: `test-${role.toLowerCase()}`, expiresInSeconds });

  const testApp: TestApp = {
    app,
    clock,
    sql,
    token,
    async ask(query, { variables, role = 'ADMIN' } = {}) {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(role && { authorization: `Bearer ${await token(role)}` }) },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as Answer;
    },
    async countStatements(work) {
      const before = app.database.statementCount;
      await work();
      return app.database.statementCount - before;
    },
    async heardEverything() {
      // Announcements come in commit order, so whoever has heard this one has heard all before it.
      const heard = Promise.withResolvers<void>();
      const marker = `heard-${Math.random()}`;
      const unfollow = app.feed.follow({ onCommand: ({ from }) => from === marker && heard.resolve() });
      await sql("select pg_notify('stationmaster_changes', $1)", [
        JSON.stringify({ command: 'invalidateCache', pattern: 'nothing', from: marker }),
      ]);
      await heard.promise;
      unfollow();
    },
    async close() {
      await app.close();
      await dispose();
    },
  };
  if (fleet) await testApp.heardEverything();
  return testApp;
}

const BASE_ENV = {
  NODE_ENV: 'test',
  PORT: '0',
  AUTH_JWT_SECRET: TEST_SECRET,
  ANONYMOUS_ROLE: 'none',
  WARM_UP: 'off',
  SHUTDOWN_GRACE_SECONDS: '2',
  ...(process.env.HTTP_FAST_PATH && { HTTP_FAST_PATH: process.env.HTTP_FAST_PATH }),
};

async function onPglite(env: Record<string, string>) {
  const { pglite, dispose } = await createEmbeddedDatabase();
  const config: Config = loadConfig({ ...BASE_ENV, ...env });
  const sql = async <Row>(text: string, values: unknown[] = []) => (await pglite.query<Row>(text, values)).rows;
  return { config, pglite, sql, dispose };
}

async function onPostgresql(env: Record<string, string>, connectThrough?: TestAppOptions['connectThrough']) {
  const { url, dispose: drop } = await createServerDatabase();
  const { href } = connectThrough ? await connectThrough(new URL(url)) : { href: url };
  const config: Config = loadConfig({ ...BASE_ENV, DATABASE_URL: href, ...env });
  const client = new Client({ connectionString: url });
  await client.connect();
  const sql = async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[];
  const dispose = async () => {
    await client.end();
    await drop();
  };
  return { config, pglite: undefined, sql, dispose };
}
