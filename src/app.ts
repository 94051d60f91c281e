// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { Logger } from 'pino';
import { CacheAudit, NOTHING_AUDITED, summarizeAudit, Visibility } from './audit/index.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { resolveAuth } from './auth/development-secret.ts';
import { createDevelopmentSigner, developmentTokens } from './auth/development-tokens.ts';
import type { Role } from './auth/identity.ts';
import { rejectUntilPrepared, type Stage } from './auth/reject-until-prepared.ts';
import { createTokenVerifier } from './auth/tokens.ts';
import { Cache, type Clock, type SecondTier, ServedSample, systemClock, type TierMessage } from './cache/index.ts';
import { CHANNEL, type ChangeFeed, ChangeLog, openChangeFeed, Positions, requireDecoding } from './changes/index.ts';
import {
  type Collections,
  followChanges,
  guardedInputsOf,
  type Identified,
  openCollections,
  recordSchemaOf,
  requireReadableTables,
  warmUp,
} from './collections/index.ts';
import type { Config } from './config/config.ts';
import { type Database, openDatabase } from './database/database.ts';
import { describeCause, findTransientFailure, isDatabaseUnavailable, isWorthWaiting } from './database/failures.ts';
import { identifyDatabase } from './database/identity.ts';
import { Lineage } from './database/lineage.ts';
import { migrate } from './database/migrate.ts';
import { createWriter } from './database/write/writer.ts';
import { StationmasterError } from './errors.ts';
import { collections, entities, type FeatureParts, features, migrations } from './features/index.ts';
import { DEFAULT_PAGE_SIZE } from './graphql/page-size.ts';
import { createSchema } from './graphql/schema.ts';
import type { ConsoleState } from './http/console/console-routes.ts';
import { createHttpServer, type HttpServer } from './http/http-server.ts';
import { createInstruments } from './observability/instruments.ts';
import { createLogger } from './observability/logger.ts';
import { SqlFigures } from './observability/sql-figures.ts';
import { openTracing } from './observability/tracing/open-tracing.ts';
import type { Tracing } from './observability/tracing/traces.ts';
import type { OperationMiddleware } from './operations/operation.ts';
import { ResponseCache } from './operations/response-cache.ts';
import type { FiguresExchange } from './process/figures.ts';
import { backoffMs, retryWithBackoff } from './retry.ts';
import { countDown, type Timers } from './timers.ts';

const SWEEP_PERIOD_MS = 30_000;
/** How long a start waits for its database before it listens without one. */
const PATIENCE_MS = 1000;
const START_BACKOFF = { minMs: 100, maxMs: 5000 };
const REDIS_BACKOFF = { minMs: 1000, maxMs: 30_000 };
/** The part of the grace that is kept for letting go of the database. */
const CLEAN_UP_MS = 500;
/** How long a stop waits for the collector to take the last spans. */
const MIN_FLUSH_MS = 200;
const MAX_FLUSH_MS = 2000;

export interface AppOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** An embedded database that is open already; whoever opened it closes it. */
  readonly pglite?: PGlite;
  /** Around every operation on every transport, the first one outermost. */
  readonly middlewares?: readonly OperationMiddleware[];
  /** Gives up a start that may still be waiting for its database. */
  readonly signal?: AbortSignal;
  /** Where the server is one of several workers: how their metrics become one scrape. */
  readonly workers?: FiguresExchange | undefined;
  /**
   * How many times as long as usual the database may take to answer and to announce before it counts as out of reach. Tests
   * raise it, because the machines that they run on may stall. Default 1.
   */
  readonly patience?: number | undefined;
  /** Those of the history of performance. Default: Node's. */
  readonly timers?: Timers | undefined;
}

export interface App {
  /** Where it is reached, without a path: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly database: Database;
  readonly cache: Cache;
  /** `null`: switched off. */
  readonly audit: CacheAudit | null;
  readonly feed: ChangeFeed;
  /** How many clients are connected by WebSocket, and how many subscriptions they have. */
  readonly sockets: () => HttpServer['sockets'];
  /** A token for each role, in development; otherwise `null`: they are secrets, and would end up in logs. */
  readonly tokens: Readonly<Record<Role, string>> | null;
  readonly console: ConsoleState;
  /**
   * Answers what is in flight, then lets go of everything. Resolves when nothing runs any more, which takes no longer
   * than the configured grace.
   * @param drainSeconds how long requests are still taken while `/readyz` sends load balancers elsewhere; default 0
   */
  close(drainSeconds?: number): Promise<void>;
}

/**
 * Starts the whole application and resolves once it is ready. A database that cannot be reached is waited for; the server
 * listens meanwhile, so that probes get their answer.
 * @throws when the database cannot be used, the port is taken, or `signal` says so; nothing is left running then
 */
export async function createApp(config: Config, options: AppOptions = {}): Promise<App> {
  const logger = options.logger ?? createLogger(config);
  const onError = (error: unknown) => logger.error({ err: error }, 'going on after an error');
  const stage: Stage = { current: 'starting' };
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const started: (() => unknown)[] = [];
  const closeAll = async () => {
    for (const stop of started.reverse()) await stop();
  };
  try {
    const { middlewares, patience, pglite, timers, workers } = options;
    const { tracing, ...traces } = await openTracing(config, logger);
    started.push(() => traces.close(MIN_FLUSH_MS));
    const sql = new SqlFigures(tracing?.onStatement);
    const database = await openDatabase(config.database, { entities, migrations, pglite, patience, observer: sql });
    started.push(() => database.close());

    const lineage = new Lineage(database, requireReadable);
    let databaseId = '';
    const secondTier = config.redisUrl
      ? await createSecondTier(config, { lineage, logger, send: (message) => feed.send(message) })
      : undefined;
    if (secondTier) started.push(() => secondTier.close());
    const { cacheAuditPercent: percent } = config;
    const sample = percent > 0 ? new ServedSample({ percent }) : undefined;
    const cache = new Cache({
      ...config.cache,
      sample,
      secondTier,
      staleIfErrorSeconds: config.staleIfErrorSeconds,
      clock: options.clock ?? systemClock,
      aroundLoad: tracing?.aroundLoad,
      isOutage: isOutage,
      onError,
    });
    const responses = config.responseCache ? new ResponseCache(cache, config.responseCache) : undefined;
    const sweep = setInterval(() => cache.cleanupExpired(), SWEEP_PERIOD_MS).unref();
    started.push(() => clearInterval(sweep));

    const feed: ChangeFeed = openChangeFeed(config.database, {
      database,
      lineage,
      patience,
      onError,
      onRefusal: (message) => logger.warn(`Nothing cached is served as fresh. ${message}`),
    });
    followChanges(feed, cache, collections);
    const log = new ChangeLog({ feed, databaseId: () => databaseId });
    started.push(() => feed.close());

    const opened = openCollections(collections, { cache, database });
    const audit = sample && createAudit(sample, { cache, collections: opened, database, feed, logger, onError });
    const parts = {
      collections: opened,
      cache,
      audit,
      responses,
      database,
      feed,
      log,
      positions: new Positions({ feed, log, databaseId: () => databaseId }),
      logger,
      onError,
      stage,
      middlewares,
      workers,
      timers,
      sql,
      tracing,
    };
    const { http, startFeatures } = await createServer(config, parts);
    const remainingMs = countDown(config.shutdownGraceSeconds * 1000 - CLEAN_UP_MS);
    // The last spans are those of requests that were in flight.
    started.push(() => traces.close(Math.max(MIN_FLUSH_MS, Math.min(MAX_FLUSH_MS, remainingMs()))));
    started.push(() => http.close(remainingMs()));

    const prepared = prepareDatabase(database, config, { stage, logger, signal });
    started.push(() => prepared.catch(() => {}));
    const running = (async () => {
      await prepared;
      databaseId = await identifyDatabase(database);
      secondTier?.start();
      await feed.start();
      stage.current = 'running';
      audit?.start();
    })();
    started.push(() => audit?.stop());
    // It is waited for below; until then its failure has nobody to go to when the port is taken.
    running.catch(() => {});
    // Whoever finds the port open shall be served. But probes must have an answer while there is no database.
    await Promise.race([running, ...(database.pglite ? [] : [sleep(PATIENCE_MS, undefined, { ref: false })])]);
    await http.listen();
    await running;
    started.push(startFeatures());
    if (config.warmUp) {
      const warmedUp = warmUp(opened, DEFAULT_PAGE_SIZE, logger);
      started.push(() => warmedUp);
    }
    let closing: Promise<void> | undefined;
    return {
      get url() {
        return http.url;
      },
      database,
      cache,
      audit: audit ?? null,
      feed,
      sockets: () => http.sockets,
      console: http.console,
      tokens: config.environment === 'development' ? await developmentTokens(config) : null,
      close(drainSeconds = 0) {
        closing ??= (async () => {
          stage.current = 'stopping';
          http.drain();
          // The grace begins now.
          remainingMs();
          await sleep(drainSeconds * 1000);
          await closeAll();
        })();
        return closing;
      },
    };
  } catch (error) {
    failed.abort();
    await closeAll();
    throw error;
  }
}

function requireReadable(database: Database): Promise<void> {
  return requireReadableTables(database, collections);
}

/** Migrates the database and lets the features prepare it, as soon as it can be reached. */
function prepareDatabase(
  database: Database,
  config: Config,
  { stage, logger, signal }: Pick<ServerParts, 'stage' | 'logger'> & { signal: AbortSignal },
): Promise<void> {
  const prepare = async () => {
    await migrate(database);
    await requireReadable(database);
    if (config.database.kind === 'postgresql' && config.database.changeFeed === 'logical') {
      await requireDecoding(database, config.database.url);
    }
    for (const feature of features) await feature.prepare?.(database, config);
  };
  return retryWithBackoff(prepare, {
    backoff: START_BACKOFF,
    isTransient: isWorthWaiting,
    onRetry: (error, waitMs) => {
      stage.current = 'waiting for the database';
      const isReached = findTransientFailure(error) !== 'unreachable';
      const what = isReached ? 'The database cannot be used yet' : 'The database cannot be reached';
      logger.warn(`${what} (${describeCause(error)}); trying again in ${waitMs} ms.`);
    },
    signal,
  });
}

/** The key prefix names the history and the fields of the records, so that a change of either starts with new keys. */
async function createSecondTier(
  { cache, redisUrl }: Config,
  {
    lineage,
    send,
    logger,
  }: Pick<ServerParts, 'logger'> & { lineage: Lineage; send(message: TierMessage): Promise<void> },
): Promise<SecondTier> {
  // Loads ioredis, which a server without a second tier does not need.
  const { createRedisTier } = await import('./cache/redis/index.ts');
  return createRedisTier({
    url: redisUrl!,
    retryDelayMs: (failures) => backoffMs(failures, REDIS_BACKOFF),
    keyPrefix: () => `stationmaster:1.${recordSchemaOf(collections)}:${lineage.id}`,
    send,
    versionOf: (record) => (record as Identified).rowVersion,
    ttlSeconds: cache.ttlSeconds,
    // It comes back by itself, and nothing depends on it.
    onError: (error) => logger.warn({ reason: (error as Error).message }, 'going on without the second cache tier'),
  });
}

function isOutage(error: unknown): boolean {
  return isDatabaseUnavailable(error) || (error instanceof StationmasterError && error.code === 'UNAVAILABLE');
}

function createAudit(
  sample: ServedSample,
  {
    logger,
    database,
    onError,
    ...parts
  }: Pick<ServerParts, 'cache' | 'collections' | 'database' | 'feed' | 'logger' | 'onError'>,
): CacheAudit {
  return new CacheAudit({
    ...parts,
    sample,
    isBusy: () => database.isBusy,
    onStale: (findings) => logger.error(findings, 'the cache held values that the database has otherwise'),
    // An outage is reported by the reads that need an answer.
    onError: (error) => isOutage(error) || onError(error),
  });
}

interface ServerParts {
  readonly collections: Collections;
  readonly cache: Cache;
  readonly audit: CacheAudit | undefined;
  readonly responses: ResponseCache | undefined;
  readonly database: Database;
  readonly feed: ChangeFeed;
  readonly log: ChangeLog;
  readonly positions: Positions;
  readonly logger: Logger;
  readonly onError: (error: unknown) => void;
  readonly stage: Stage;
  readonly middlewares: readonly OperationMiddleware[] | undefined;
  readonly workers: FiguresExchange | undefined;
  readonly timers: Timers | undefined;
  readonly sql: SqlFigures;
  readonly tracing: Tracing | null;
}

async function createServer(config: Config, parts: ServerParts) {
  const { audit, cache, collections: opened, database, feed, log, logger, onError, stage } = parts;
  const writer = createWriter({
    database,
    channel: CHANNEL,
    waitUntilApplied: (xid, scope) => feed.waitUntilApplied(xid, scope),
    guardedInputs: guardedInputsOf(collections),
  });
  const sockets = () => http.sockets;
  const visibility = new Visibility();
  const figures = () => audit?.figures ?? NOTHING_AUDITED;
  const { commit } = config;
  const { metrics, history } = createInstruments({ ...parts, audit: figures, commit, sockets, visibility });
  const featureParts: FeatureParts = {
    audit: () => summarizeAudit(figures(), visibility),
    cache,
    collections: opened,
    database,
    feed,
    history,
    instanceId: randomUUID(),
    log,
    onError,
    sockets,
    writer,
  };
  const schema = createSchema(features, featureParts);
  const auth = await resolveAuth(config);
  const agentKeys = features.find(({ openAgentKeys }) => openAgentKeys)?.openAgentKeys?.({ database, feed, onError });
  const verify = createTokenVerifier(auth);
  const authenticate = createAuthenticator({ verify, agentKeys, anonymousRole: auth.anonymousRole });
  const http: HttpServer = await createHttpServer({
    config,
    logger,
    schema,
    collections: opened,
    identify: rejectUntilPrepared(authenticate, stage),
    cache,
    feed,
    responses: parts.responses,
    positions: parts.positions,
    middlewares: parts.middlewares,
    signDevelopmentToken: createDevelopmentSigner(config),
    tracing: parts.tracing,
    health: {
      readiness: () => ({
        ready: stage.current === 'running' && feed.state === 'live',
        details: {
          stage: stage.current,
          changeFeed: feed.state,
          gaps: feed.gaps,
          ...(feed.reason !== null && { reason: feed.reason }),
          ...(cache.secondTier && { secondTier: cache.secondTier.isUp ? 'up' : 'down' }),
        },
      }),
    },
    metrics,
  });
  const startFeatures = () => {
    const stops = [history.start(), ...features.map(({ start }) => start?.(featureParts, config))];
    return () => Promise.all(stops.map((stop) => stop?.()));
  };
  return { http, startFeatures };
}
