import { setImmediate } from 'node:timers/promises';
import { Client } from 'pg';
import { type App, type AppOptions, createApp } from '../app.ts';
import type { Role } from '../auth/identity.ts';
import { signToken } from '../auth/tokens.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { announceSql } from '../database/announce-sql.ts';
import { seedFleet } from '../features/demo-fleet/index.ts';
import { createTestClock, type TestClock } from './test-clock.ts';
import { changeFeed, createEmbeddedDatabase, createServerDatabase, engine } from './test-database.ts';
import { openSocket, type TestEvent, type TestSocket, type TestSubscription } from './test-socket.ts';

/** Signs the tokens of every test application. */
export const TEST_SECRET = 'a secret for tests only, of more than 32 bytes';
/** How many times as long as usual test applications wait, so that a machine that stalls changes no result. */
export const TEST_PATIENCE = 20;

/** The JSON of a GraphQL response. */
export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever its document selects.
  readonly data: any;
  readonly errors?: readonly { message: string; path?: unknown[]; extensions: { code: string; field?: string } }[];
  readonly extensions?: Record<string, unknown>;
}

export interface AskOptions {
  readonly variables?: Record<string, unknown>;
  /** The role of the token that is sent; `null` sends none. Default ADMIN. */
  readonly role?: Role | null;
  /** The `extensions.position` of a mutation, on whichever instance, that the answer has to reach. */
  readonly readAfter?: string;
}

export interface TestAppOptions {
  /** How many managers and workstations the database starts with. Default none. */
  readonly fleet?: { readonly managers: number; readonly workstations: number };
  /** Settings, as in `.env.example`. They go before the kit's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Around every operation on every transport, the first one outermost. */
  readonly middlewares?: AppOptions['middlewares'];
  /** Timers that the test moves, in the place of those by which the history of performance is taken. */
  readonly timers?: AppOptions['timers'];
  /**
   * How many times as long as usual the database may take before it counts as out of reach. Default 20; 1 in the test of an
   * outage.
   */
  readonly patience?: number;
  /** Where the application connects instead of to the database itself, such as to a proxy. PostgreSQL only. */
  readonly connectThrough?: (url: URL) => Promise<URL>;
}

/** A running application with a database of its own. */
export interface TestApp {
  readonly app: App;
  /** The cache's clock. It stands still until the test moves it, and with it every TTL. */
  readonly clock: TestClock;
  /** Sends an operation over HTTP, as a front-end does. GraphQL errors are part of the answer; nothing is thrown. */
  ask(document: string, options?: AskOptions): Promise<Answer>;
  /** Subscribes on a WebSocket of its own. Resolves once the application listens, so that no later change is missed. */
  subscribe(document: string, options?: AskOptions): Promise<TestSubscription>;
  /** Opens a WebSocket for several subscriptions. `null` connects without a token. Default ADMIN. */
  connect(role?: Role | null): Promise<TestSocket>;
  /** Runs SQL as another program would: in a session of its own on PostgreSQL, past the application on PGlite. */
  // biome-ignore lint/suspicious/noExplicitAny: the rows are those of the statement.
  sql<Row = Record<string, any>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Returns how many SQL statements the application sends while `work` runs. */
  countStatements(work: () => Promise<unknown>): Promise<number>;
  /** Resolves once the application has applied every change that was committed before the call. */
  waitUntilHeard(): Promise<void>;
  /** Signs a token. */
  token(role: Role, expiresInSeconds?: number): Promise<string>;
  /** Stops the application, closes its sockets and removes its database. */
  close(): Promise<void>;
}

/**
 * Starts the real application on a database of its own. It listens on a free port of the loopback address.
 *
 * The database is PGlite in memory, or with `TEST_ENGINE=postgresql` a new database of the server `TEST_DATABASE_URL`.
 */
export async function startTestApp({
  fleet,
  env = {},
  middlewares,
  timers,
  patience = TEST_PATIENCE,
  connectThrough,
}: TestAppOptions = {}): Promise<TestApp> {
  const clock = createTestClock();
  const { config, pglite, sql, dispose } =
    engine === 'postgresql' ? await onPostgresql(env, connectThrough) : await onPglite(env);
  const app = await createApp(config, { clock, pglite, middlewares, timers, patience });
  if (fleet) await seedFleet(app.database, fleet);

  const sockets = new Set<TestSocket>();
  const token = (role: Role, expiresInSeconds = 3600) =>
    signToken({ secret: TEST_SECRET, roles: [role], subject: `test-${role.toLowerCase()}`, expiresInSeconds });
  const connect = async (role: Role | null = 'ADMIN') => {
    const socket = openSocket(app.url, role && (await token(role)));
    sockets.add(socket);
    return socket;
  };

  const testApp: TestApp = {
    app,
    clock,
    sql,
    token,
    connect,
    async ask(query, { variables, role = 'ADMIN', readAfter } = {}) {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(role && { authorization: `Bearer ${await token(role)}` }),
          ...(readAfter && { 'x-read-after': readAfter }),
        },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as Answer;
    },
    subscribe: inTurn(async (document, { variables, role } = {}) =>
      subscribeOn(app, await connect(role), document, variables),
    ),
    async countStatements(work) {
      const before = app.database.statementCount;
      await work();
      return app.database.statementCount - before;
    },
    waitUntilHeard: () => waitUntilHeard(app, sql),
    async close() {
      await Promise.all([...sockets].map((socket) => socket.close()));
      await app.close();
      await dispose();
    },
  };
  if (fleet) await testApp.waitUntilHeard();
  return testApp;
}

async function subscribeOn(
  { sockets }: App,
  socket: TestSocket,
  document: string,
  variables: Record<string, unknown> | undefined,
): Promise<TestSubscription> {
  let fewest = sockets().activeSubscriptions;
  const hasStarted = () => {
    const { activeSubscriptions } = sockets();
    // One that was stopped before may still have been counted.
    fewest = Math.min(fewest, activeSubscriptions);
    return activeSubscriptions > fewest;
  };
  const { next, stop } = socket.subscribe(document, variables);
  // Asked for at once, because a refusal is an event too and ends the wait.
  let first: Promise<TestEvent> | undefined = next();
  let isAnswered = false;
  const answered = () => {
    isAnswered = true;
  };
  first.then(answered, answered);
  while (!isAnswered && !hasStarted()) await setImmediate();
  return {
    next() {
      const event = first ?? next();
      first = undefined;
      return event;
    },
    async stop() {
      await stop();
      await socket.close();
    },
  };
}

/** Announcements arrive in the order of their commits, so an application that has heard this one has heard all before it. */
async function waitUntilHeard({ database, feed }: App, sql: TestApp['sql']): Promise<void> {
  const heard = Promise.withResolvers<void>();
  const marker = `heard-${Math.random()}`;
  const unfollow = feed.follow({ onCommand: ({ from }) => from === marker && heard.resolve() });
  await sql(`select ${announceSql(database, "'stationmaster_changes'", '$1::text')}`, [
    JSON.stringify({ command: 'invalidateCache', pattern: 'nothing', from: marker }),
  ]);
  await heard.promise;
  unfollow();
}

/** Makes each call of `work` wait for the one before. */
function inTurn<Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) {
  let last: Promise<unknown> = Promise.resolve();
  return (...args: Args): Promise<Result> => {
    const result = last.then(() => work(...args));
    last = result.catch(() => {});
    return result;
  };
}

const BASE_ENV = {
  NODE_ENV: 'test',
  PORT: '0',
  AUTH_JWT_SECRET: TEST_SECRET,
  ANONYMOUS_ROLE: 'none',
  WARM_UP: 'off',
  // Its build may be missing.
  CONSOLE: 'off',
  // Its statements would come among those that tests count.
  CACHE_AUDIT_PERCENT: '0',
  // So would those that look for silent workstations.
  OFFLINE_AFTER_SECONDS: 'off',
  SHUTDOWN_GRACE_SECONDS: '2',
  // A run can choose the HTTP path for all of its tests.
  ...(process.env.HTTP_FAST_PATH && { HTTP_FAST_PATH: process.env.HTTP_FAST_PATH }),
};

async function onPglite(env: TestAppOptions['env']) {
  const { pglite, dispose } = await createEmbeddedDatabase();
  const config: Config = loadConfig({ ...BASE_ENV, ...env });
  const sql = async <Row>(text: string, values: unknown[] = []) => (await pglite.query<Row>(text, values)).rows;
  return { config, pglite, sql, dispose };
}

async function onPostgresql(env: TestAppOptions['env'], connectThrough: TestAppOptions['connectThrough']) {
  const { url, dispose: drop } = await createServerDatabase();
  const { href } = connectThrough ? await connectThrough(new URL(url)) : { href: url };
  const config: Config = loadConfig({ ...BASE_ENV, DATABASE_URL: href, CHANGE_FEED: changeFeed, ...env });
  const client = new Client({ connectionString: url });
  await client.connect();
  const sql = async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[];
  const dispose = async () => {
    await client.end();
    await drop();
  };
  return { config, pglite: undefined, sql, dispose };
}
