import type { Identity, Role } from '../../src/auth/identity.ts';
import { Cache } from '../../src/cache/index.ts';
import { Positions } from '../../src/changes/index.ts';
import { loadConfig } from '../../src/config/config.ts';
import { StationmasterError } from '../../src/errors.ts';
import { createHttpServer, type HttpServer, type HttpServerParts } from '../../src/http/http-server.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createManualTimers, type ManualTimers } from '../websocket/manual-timers.ts';
import { quietSources } from './quiet-sources.ts';
import { createStub, type Stub } from './stub-schema.ts';

export interface StubServer extends Stub {
  readonly server: HttpServer;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly timers: ManualTimers;
  /** Every line logged so far. */
  readonly log: readonly Record<string, unknown>[];
  /** Every authorization that was identified. */
  readonly asked: readonly (string | undefined)[];
  /** Sends a GraphQL operation as clients do. */
  post(query: string, init?: { authorization?: string; variables?: object; headers?: object }): Promise<Response>;
}

const CONFIG = {
  ...loadConfig({ NODE_ENV: 'test', PORT: '0', HTTP_FAST_PATH: process.env.HTTP_FAST_PATH }),
  corsOrigins: ['https://app.example'],
};

type Overrides = Partial<Omit<HttpServerParts, 'config'>> & { config?: Partial<HttpServerParts['config']> };

/** The feed of a database in which nothing changes. */
const NO_CHANGES = {
  state: 'live',
  liveSpan: 1,
  hasHeard: () => true,
  proveNow: async () => {},
} as const;

const NOTHING_LOGGED = { position: '5745b000-1.1.0' };

const running: HttpServer[] = [];

/** Starts a real server with the stub schema. The token names the caller: `Bearer viewer`, `Bearer bad` … */
export async function startStubServer({ config, ...overrides }: Overrides = {}): Promise<StubServer> {
  const stub = createStub();
  const timers = createManualTimers();
  const log: Record<string, unknown>[] = [];
  const asked: (string | undefined)[] = [];
  const server: HttpServer = await createHttpServer({
    // Without a folder that a test has made: the console's build may be missing.
    config: { ...CONFIG, console: overrides.consoleFolder !== undefined, ...config },
    logger: createLogger({ environment: 'test', logLevel: 'debug' }, { write: (line) => log.push(JSON.parse(line)) }),
    schema: stub.schema,
    identify: async (authorization) => {
      asked.push(authorization);
      return identify(authorization, timers.now());
    },
    health: { readiness: () => ({ ready: true, details: { database: 'up' } }) },
    metrics: createMetrics({ ...quietSources(), sockets: () => server.sockets }),
    cache: new Cache(),
    feed: { follow: () => () => {} },
    positions: new Positions({ feed: NO_CHANGES, log: NOTHING_LOGGED, databaseId: () => '5745b000' }),
    timers,
    ...overrides,
  });
  running.push(server);
  const url = await server.listen();
  return {
    ...stub,
    server,
    url,
    timers,
    log,
    asked,
    post: (query, { authorization, headers, variables } = {}) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }), ...headers },
        body: JSON.stringify({ query, variables }),
      }),
  };
}

/** Ends every server that the test started. */
export async function stopStubServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.close(0)));
}

/** How long the token `Bearer expiring` is valid. */
export const EXPIRING_TOKEN_MS = 60_000;

/** Longer than the longest delay that Node's timers take. */
export const LASTING_TOKEN_MS = 40 * 86_400_000;

function identify(authorization: string | undefined, nowMs: number): Identity {
  const known = (role: Role, validMs: number): Identity => ({
    subject: role.toLowerCase(),
    roles: [role],
    isAnonymous: false,
    expiresAtMs: nowMs + validMs,
  });
  switch (authorization) {
    case undefined:
      return { subject: 'anonymous', roles: ['VIEWER'], isAnonymous: true, expiresAtMs: null };
    case 'Bearer viewer':
      return known('VIEWER', 3_600_000);
    case 'Bearer monitor':
      return known('MONITOR', 3_600_000);
    case 'Bearer admin':
      return known('ADMIN', 3_600_000);
    case 'Bearer expiring':
      return known('VIEWER', EXPIRING_TOKEN_MS);
    case 'Bearer lasting':
      return known('VIEWER', LASTING_TOKEN_MS);
    case 'Bearer unverifiable':
      throw new StationmasterError('UNAVAILABLE', 'Tokens cannot be verified at the moment; try again.');
    case 'Bearer surprise':
      throw new Error('password of the database is hunter2');
    default:
      throw new StationmasterError('UNAUTHENTICATED', 'The token is malformed.');
  }
}

/** Waits for something that the server notices a little after its client. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
