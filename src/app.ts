// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { Logger } from 'pino';
import { CacheAudit, NOTHING_AUDITED, summarizeAudit, Visibility } from './audit/index.ts';
import { type Authenticator, createAuthenticator } from './auth/authenticator.ts';
import { resolveAuth } from './auth/development-secret.ts';
import { developmentTokens } from './auth/development-tokens.ts';
import type { Role } from './auth/identity.ts';
import { createTokenVerifier } from './auth/tokens.ts';
import { Cache, type Clock, type SecondTier, ServedSample, systemClock, type TierMessage } from './cache/index.ts';
import { CHANNEL, type ChangeFeed, ChangeLog, openChangeFeed, Positions } from './changes/index.ts';
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
import { findTransientFailure, isDatabaseUnavailable, isWorthWaiting } from './database/failures.ts';
import { identifyDatabase } from './database/identity.ts';
import { Lineage } from './database/lineage.ts';
import { migrate } from './database/migrate.ts';
import { createWriter } from './database/write/writer.ts';
import { StationmasterError } from './errors.ts';
import { collections, entities, type FeatureParts, features, migrations } from './features/index.ts';
import { DEFAULT_PAGE_SIZE } from './graphql/page-size.ts';
import { createSchema } from './graphql/schema.ts';
import { createHttpServer, type HttpServer } from './http/http-server.ts';
import { createLogger } from './observability/logger.ts';
import { createMetrics } from './observability/metrics.ts';
import type { OperationMiddleware } from './operations/operation.ts';
import { ResponseCache } from './operations/response-cache.ts';
import type { FiguresExchange } from './process/figures.ts';
import { backoffMs, retryWithBackoff } from './retry.ts';

const SWEEP_PERIOD_MS = 30_000;
/** How long a start waits for its database before it listens without one. */
const PATIENCE_MS = 1000;
const START_BACKOFF = { minMs: 100, maxMs: 5000 };
const REDIS_BACKOFF = { minMs: 1000, maxMs: 30_000 };
/** The part of the grace that is kept for letting go of the database. */
const CLEAN_UP_MS = 500;

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
  /**
   * Answers what is in flight, then lets go of everything. Resolves when nothing runs any more, which takes no longer
   * than the configured grace.
   * @param drainSeconds how long requests are still taken while `/readyz` sends load balancers elsewhere; default 0
   */
  close(drainSeconds?: number): Promise<void>;
}

/** What the whole server is at. */
interface Stage {
  current: 'starting' | 'waiting for the database' | 'running' | 'stopping';
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
    const database = await openDatabase(config.database, { entities, migrations, pglite: options.pglite });
    started.push(() => database.close());

    const lineage = new Lineage(database, requireReadable);
    let databaseId = '';
    const secondTier = config.redisUrl
      ? await createSecondTier(config, { lineage, onError, send: (message) => feed.send(message) })
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
      isOutage: isOutage,
      onError,
    });
    const responses = config.responseCache ? new ResponseCache(cache, config.responseCache) : undefined;
    const sweep = setInterval(() => cache.cleanupExpired(), SWEEP_PERIOD_MS).unref();
    started.push(() => clearInterval(sweep));

    const feed: ChangeFeed = openChangeFeed(config.database, {
      database,
      lineage,
      onError,
      onRefusal: (message) => logger.warn(`Nothing cached is served as fresh. ${message}`),
    });
    followChanges(feed, cache, collections);
    const log = new ChangeLog({ feed, databaseId: () => databaseId });
    started.push(() => feed.close());

    const opened = openCollections(collections, { cache, database });
    const audit = sample && createAudit(sample, { cache, collections: opened, database, feed, logger, onError });
    const { middlewares, workers } = options;
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
    };
    const { http, startFeatures } = await createServer(config, parts);
    let graceMs = config.shutdownGraceSeconds * 1000;
    started.push(() => http.close(Math.max(0, graceMs - CLEAN_UP_MS)));

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
      tokens: config.environment === 'development' ? await developmentTokens(config) : null,
      close(drainSeconds = 0) {
        closing ??= (async () => {
          stage.current = 'stopping';
          http.drain();
          await sleep(drainSeconds * 1000);
          graceMs -= drainSeconds * 1000;
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

/** The innermost reason, in a few words. Node gathers one error per address it tried, and leaves the message empty. */
function describeCause(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: unknown[] };
  return message || (errors?.length ? describeCause(errors[0]) : (code ?? 'for an unknown reason'));
}

/** The key prefix names the history and the fields of the records, so that a change of either starts with new keys. */
async function createSecondTier(
  { cache, redisUrl }: Config,
  {
    lineage,
    send,
    onError,
  }: Pick<ServerParts, 'onError'> & { lineage: Lineage; send(message: TierMessage): Promise<void> },
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
    onError,
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
  const featureParts: FeatureParts = {
    audit: () => summarizeAudit(figures(), visibility),
    cache,
    collections: opened,
    database,
    feed,
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
  const metrics = createMetrics(
    {
      cacheStats: () => cache.getStats(),
      sqlStatements: () => database.statementCount,
      sockets,
      feed: () => ({ state: feed.state, gaps: feed.gaps }),
      audit: figures,
    },
    parts.workers,
  );
  feed.follow({ onApplied: (announcedAtMs) => metrics.observeVisibility(visibility.observe(announcedAtMs) / 1000) });
  const http: HttpServer = await createHttpServer({
    config,
    logger,
    schema,
    collections: opened,
    identify: onceOpen(authenticate, stage),
    cache,
    feed,
    responses: parts.responses,
    positions: parts.positions,
    middlewares: parts.middlewares,
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
    const stops = features.map(({ start }) => start?.(featureParts, config));
    return () => Promise.all(stops.map((stop) => stop?.()));
  };
  return { http, startFeatures };
}

/** Whether requests could find a database without tables. */
function isUnprepared({ current }: Stage): boolean {
  return current === 'starting' || current === 'waiting for the database';
}

/** Lets nobody in before there is anything to ask for. */
function onceOpen(authenticate: Authenticator, stage: Stage): Authenticator {
  const identify = (authorization: unknown) => {
    if (!isUnprepared(stage)) return authenticate(authorization);
    const message = `The server is ${stage.current}; try again.`;
    return Promise.reject(new StationmasterError('UNAVAILABLE', message));
  };
  const known: Authenticator['known'] = (authorization) =>
    isUnprepared(stage) ? null : authenticate.known(authorization);
  return Object.assign(identify, { known });
}
