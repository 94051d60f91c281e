// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { PGlite } from '@electric-sql/pglite';
import type { Logger } from 'pino';
import { createAuthenticator } from './auth/authenticator.ts';
import { resolveAuth } from './auth/development-secret.ts';
import { ROLES, type Role } from './auth/identity.ts';
import { createTokenVerifier, signToken } from './auth/tokens.ts';
import { Cache, type Clock, createRedisTier, SecondTier, systemClock, type TierMessage } from './cache/index.ts';
import { CHANNEL, ChangeFeed, createPgliteSource, createPostgresqlSource } from './changes/index.ts';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './database/database.ts';
import { identifyDatabase } from './database/identity.ts';
import { countListeners, LISTENER_NAME } from './database/listeners.ts';
import { migrate } from './database/migrate.ts';
import { isFleetEmpty, seedFleet } from './database/seed.ts';
import { createWriter } from './database/writer.ts';
import { StationmasterError } from './errors.ts';
import { entities } from './features/entities.ts';
import { followChanges } from './features/follow-changes.ts';
import {
  ManagerConnectionResolver,
  ManagerResolver,
  ManagerService,
  WorkstationManagerResolver,
} from './features/manager/index.ts';
import {
  PERFORMANCE_METRICS_UPDATED,
  PerformanceResolver,
  PerformanceService,
  streamMetricTicks,
} from './features/performance/index.ts';
import { RECORD_SCHEMA } from './features/record-schema.ts';
import { createSchema } from './features/schema.ts';
import { warmUp } from './features/warm-up.ts';
import {
  streamWorkstationChanges,
  WORKSTATION_CHANGED,
  WorkstationChangeResolver,
  WorkstationConnectionResolver,
  WorkstationResolver,
  WorkstationService,
} from './features/workstation/index.ts';
import { isDatabaseUnavailable } from './graphql/errors.ts';
import { createHttpServer, type HttpServer } from './graphql/http-server.ts';
import { createLogger } from './graphql/logger.ts';
import { createMetrics } from './graphql/metrics.ts';
import { ResponseCache } from './graphql/response-cache.ts';

const SWEEP_PERIOD_MS = 30_000;
const DEMO_FLEET = { managers: 100, workstations: 1000 };
const DEVELOPMENT_TOKEN_SECONDS = 24 * 60 * 60;

export interface AppOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** An embedded database that is open already; whoever opened it closes it. */
  readonly pglite?: PGlite;
}

export interface App {
  /** Where it is reached, without a path: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly database: Database;
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  /** A token for each role, in development; otherwise `null`: they are secrets, and would end up in logs. */
  readonly tokens: Readonly<Record<Role, string>> | null;
  /** Answers what is in flight, then lets go of everything. Resolves when nothing runs any more. */
  close(): Promise<void>;
}

/**
 * Starts the whole application and resolves once it listens.
 * @throws when the database cannot be opened or migrated, or the port is taken; nothing is left running then
 */
export async function createApp(config: Config, options: AppOptions = {}): Promise<App> {
  const logger = options.logger ?? createLogger(config);
  const onError = (error: unknown) => logger.error({ err: error }, 'going on after an error');
  const started: (() => unknown)[] = [];
  const closeAll = async () => {
    for (const stop of started.reverse()) await stop();
  };
  try {
    const database = await openDatabase(config.database, { entities, pglite: options.pglite });
    started.push(() => database.close());
    await migrate(database);
    if (config.demoFleet && (await isFleetEmpty(database))) await seedFleet(database, DEMO_FLEET);

    const secondTier = config.redisUrl
      ? await openSecondTier(config, { database, onError, send: (message) => feed.send(message) })
      : undefined;
    if (secondTier) started.push(() => secondTier.close());
    const cache = new Cache({
      ...config.cache,
      secondTier,
      staleIfErrorSeconds: config.staleIfErrorSeconds,
      clock: options.clock ?? systemClock,
      isOutage: isOutage,
      onError,
    });
    const responses = config.responseCache ? new ResponseCache(cache, config.responseCache) : undefined;
    const sweep = setInterval(() => cache.cleanupExpired(), SWEEP_PERIOD_MS).unref();
    started.push(() => clearInterval(sweep));

    const source = database.pglite
      ? createPgliteSource(database.pglite)
      : createPostgresqlSource({
          connectionString: (config.database as { url: string }).url,
          applicationName: LISTENER_NAME,
        });
    const feed = new ChangeFeed({ source, onError });
    followChanges(feed, cache);
    await feed.start();
    started.push(() => feed.close());

    const http = await createServer(config, { cache, responses, database, feed, logger, onError });
    started.push(() => http.close(config.shutdownGraceSeconds * 1000));
    if (config.warmUp) {
      const warmedUp = warmUp({ cache, database }, logger);
      started.push(() => warmedUp);
    }
    await http.listen();
    return {
      get url() {
        return http.url;
      },
      database,
      cache,
      feed,
      tokens: config.environment === 'development' ? await developmentTokens(config) : null,
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Keys say which database they are of, and of which fields their records: after a change of either others are used. */
async function openSecondTier(
  { cache, redisUrl }: Config,
  {
    database,
    send,
    onError,
  }: Pick<ServerParts, 'database' | 'onError'> & { send(message: TierMessage): Promise<void> },
): Promise<SecondTier> {
  const keyPrefix = `stationmaster:1.${RECORD_SCHEMA}:${await identifyDatabase(database)}`;
  const tier = createRedisTier({ url: redisUrl! });
  const secondTier = new SecondTier({ tier, keyPrefix, send, ttlSeconds: cache.ttlSeconds, onError });
  secondTier.start();
  return secondTier;
}

function isOutage(error: unknown): boolean {
  return isDatabaseUnavailable(error) || (error instanceof StationmasterError && error.code === 'UNAVAILABLE');
}

interface ServerParts {
  readonly cache: Cache;
  readonly responses: ResponseCache | undefined;
  readonly database: Database;
  readonly feed: ChangeFeed;
  readonly logger: Logger;
  readonly onError: (error: unknown) => void;
}

async function createServer(
  config: Config,
  { cache, responses, database, feed, logger, onError }: ServerParts,
): Promise<HttpServer> {
  const source = { cache, database };
  const writer = createWriter({ database, channel: CHANNEL, settled: (xid, scope) => feed.settled(xid, scope) });
  const managers = new ManagerService(source, writer);
  const performance = new PerformanceService({
    cache,
    feed,
    instanceId: randomUUID(),
    countManagers: () => managers.count(),
    countListeners: () => countListeners(database),
    sockets: () => http.sockets,
    onError,
  });
  const schema = createSchema({
    resolvers: [
      new WorkstationResolver(source, new WorkstationService(writer)),
      new WorkstationConnectionResolver(source),
      new WorkstationChangeResolver(source),
      new WorkstationManagerResolver(source),
      new ManagerResolver(source, managers, source),
      new ManagerConnectionResolver(managers),
      new PerformanceResolver(cache, performance),
    ],
    streams: {
      [WORKSTATION_CHANGED]: (ids) => streamWorkstationChanges(feed, ids as string[] | null),
      [PERFORMANCE_METRICS_UPDATED]: (everySeconds) => streamMetricTicks(everySeconds as number),
    },
  });
  const auth = await resolveAuth(config);
  const identify = createAuthenticator({ verify: createTokenVerifier(auth), anonymousRole: auth.anonymousRole });
  const http: HttpServer = await createHttpServer({
    config,
    logger,
    schema,
    identify,
    responses,
    health: {
      readiness: () => ({
        ready: feed.state === 'live',
        details: {
          changeFeed: feed.state,
          gaps: feed.gaps,
          ...(cache.secondTier && { secondTier: cache.secondTier.isUp ? 'up' : 'down' }),
        },
      }),
    },
    metrics: createMetrics({
      cacheStats: () => cache.getStats(),
      sqlStatements: () => database.statementCount,
      sockets: () => http.sockets,
      feed: () => ({ state: feed.state, gaps: feed.gaps }),
    }),
  });
  return http;
}

async function developmentTokens(config: Config): Promise<Record<Role, string> | null> {
  const { secret, issuer, audience } = await resolveAuth(config);
  if (secret === undefined) return null;
  const tokens = ROLES.map(async (role) => {
    const subject = `development-${role.toLowerCase()}`;
    const expiresInSeconds = DEVELOPMENT_TOKEN_SECONDS;
    return [role, await signToken({ secret, roles: [role], subject, expiresInSeconds, issuer, audience })] as const;
  });
  return Object.fromEntries(await Promise.all(tokens)) as Record<Role, string>;
}
