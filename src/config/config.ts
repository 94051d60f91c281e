import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  type QueryLimits,
  type RateLimits,
  readQueryLimits,
  readRateLimits,
  readSocketLimits,
  type SocketLimits,
} from './limits.ts';
import {
  createSettingReader,
  hostName,
  isSet,
  oneOf,
  onOff,
  origins,
  orNone,
  percentage,
  postgresqlUrl,
  type ReadSetting,
  redisUrl,
  secureUrl,
  signingSecret,
  trimmedText,
  trustedProxies,
  wholeNumber,
  wholeNumberOrAuto,
} from './settings.ts';
import { readTracing, type TracingConfig } from './tracing.ts';

export type { QueryLimits, RateLimits, SocketLimits } from './limits.ts';
export type { TracingConfig } from './tracing.ts';

/** How instances hear of changes: triggers notify them, or they decode PostgreSQL's log. */
export type ChangeFeedKind = 'notify' | 'logical';

/** Everything that the environment decides, read once at the start and frozen. Names of times end with their unit. */
export interface Config {
  readonly environment: 'development' | 'production' | 'test';
  readonly host: string;
  readonly port: number;
  readonly database:
    | { readonly kind: 'pglite'; readonly dataDir: string }
    | {
        readonly kind: 'postgresql';
        readonly url: string;
        readonly poolSize: number;
        readonly changeFeed: ChangeFeedKind;
      };
  /** The commit that was built, for the metrics; `undefined`: not known. */
  readonly commit: string | undefined;
  /** How many processes share the port. */
  readonly workers: number;
  /** The folder of the embedded database and of the development secret. */
  readonly dataDir: string;
  readonly auth: {
    readonly secret: string | undefined;
    readonly jwksUrl: string | undefined;
    readonly issuer: string | undefined;
    readonly audience: string | undefined;
    readonly anonymousRole: 'VIEWER' | 'OPERATOR' | 'ADMIN' | 'AGENT' | 'MONITOR' | undefined;
  };
  /** Whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  /** Whether pages of any loopback origin, such as `http://localhost:5173`, may call it as well. */
  readonly corsLoopback: boolean;
  /** Whether clients may ask for the schema. */
  readonly introspection: boolean;
  /** Whether the console is served. */
  readonly console: boolean;
  /** Whether plain requests are served before Node's HTTP parser; the responses are the same. */
  readonly httpFastPath: boolean;
  /** Whether responses are compressed for clients that take it. */
  readonly compression: boolean;
  readonly queries: QueryLimits;
  /** Whether clients may send the hash of a query. With `only`, and only then, `file` lists all that is executed. */
  readonly persistedQueries: {
    readonly mode: 'on' | 'off' | 'only';
    readonly file: string | undefined;
    /** Whether an ADMIN may ask for what is not in `file`. */
    readonly exceptAdmin: boolean;
  };
  /** How long a request may take to arrive. */
  readonly requestTimeoutSeconds: number;
  /** How long a connection without a request stays open. */
  readonly keepAliveSeconds: number;
  /** How long an export may take. */
  readonly exportTimeoutSeconds: number;
  readonly rates: RateLimits;
  /** Which proxies may tell the addresses of client and server: how many stand in front, or their addresses. */
  readonly trustProxy: number | readonly string[];
  readonly sockets: SocketLimits;
  readonly cache: { readonly ttlSeconds: number; readonly maxEntries: number; readonly maxBytes: number };
  /** How many of 100 reads an audit compares with the database; 0: none. */
  readonly cacheAuditPercent: number;
  /** After how many seconds without a report a workstation is OFFLINE; `undefined`: never. */
  readonly offlineAfterSeconds: number | undefined;
  /** Whole responses, kept as bytes and counted apart from `cache`; `null`: none are kept. */
  readonly responseCache: { readonly maxBytes: number } | null;
  /** The second tier of the cache, shared by all instances; `undefined`: none. May contain a password. */
  readonly redisUrl: string | undefined;
  /** Whether an empty database is filled with the demo fleet at start, and whether its machines report from then on. */
  readonly demoFleet: 'live' | 'still' | 'off';
  readonly warmUp: boolean;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** How spans are exported; `null`: they are not. */
  readonly tracing: TracingConfig | null;
  readonly staleIfErrorSeconds: number;
  readonly shutdownGraceSeconds: number;
  /** How much of that goes by before connections are refused. */
  readonly shutdownDrainSeconds: number;
}

/** The environment cannot be used. `problems` has one sentence for each thing to correct, without secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    super(`The configuration has ${count}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const APOLLO_SANDBOX = ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'] as const;

/** Longer than the minute after which common load balancers close a connection, so that they never write to a closed one. */
const KEEP_ALIVE_SECONDS = 72;

const NO_RATE_LIMITS = { perToken: undefined, perAddress: undefined };
const RATE_LIMITS = { perToken: 60_000, perAddress: 1200 };

const DEFAULTS = {
  development: {
    host: '127.0.0.1',
    anonymousRole: 'VIEWER',
    corsOrigins: APOLLO_SANDBOX,
    logLevel: 'info',
    drainSeconds: 1,
    rates: NO_RATE_LIMITS,
  },
  test: {
    host: '127.0.0.1',
    anonymousRole: 'VIEWER',
    corsOrigins: [],
    logLevel: 'silent',
    drainSeconds: 0,
    rates: NO_RATE_LIMITS,
  },
  production: {
    host: '0.0.0.0',
    anonymousRole: undefined,
    corsOrigins: [],
    logLevel: 'info',
    drainSeconds: 2,
    rates: RATE_LIMITS,
  },
} as const;

/**
 * Reads the settings that `.env.example` describes from `env`. An empty value counts as unset. Other variables are ignored.
 * The result is frozen, including everything in it.
 *
 * @throws {ConfigError} with every problem at once
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const { read, problems } = createSettingReader(env);
  const config = readConfig(read, env);
  problems.push(...findAuthProblems(env, config), ...findConflicts(env, config));
  if (problems.length > 0) throw new ConfigError(problems);
  return freezeDeeply(config);
}

/** Adds the settings of `.env` in the working directory to `process.env`, except those that are set already. */
export function loadEnvFileIfPresent(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

function readConfig(read: ReadSetting, env: NodeJS.ProcessEnv): Config {
  const environment = read('NODE_ENV', oneOf('development', 'production', 'test'), 'development');
  const defaults = DEFAULTS[environment];
  const dataDir = read('DATA_DIR', trimmedText, '.data');
  const database = readDatabase(read, dataDir);
  const isEmbedded = database.kind === 'pglite';
  const demoFleet = readDemoFleet(read, environment === 'development' && isEmbedded);
  const responseCacheMaxBytes = read('RESPONSE_CACHE_MAX_BYTES', BYTES, 128 * 1024 * 1024);
  return {
    environment,
    host: read('HOST', hostName, defaults.host),
    port: read('PORT', wholeNumber(0, 65_535), 4000),
    database,
    commit: read('BUILD_COMMIT', trimmedText, undefined),
    workers: read('WORKERS', wholeNumberOrAuto(1, 1000, isEmbedded ? 1 : availableParallelism()), 1),
    dataDir,
    auth: readAuth(read, defaults.anonymousRole),
    ...readCors(read, environment),
    introspection: read('INTROSPECTION', onOff, environment !== 'production'),
    console: read('CONSOLE', onOff, true),
    httpFastPath: read('HTTP_FAST_PATH', onOff, true),
    compression: read('COMPRESSION', onOff, true),
    queries: readQueryLimits(read),
    persistedQueries: {
      mode: read('PERSISTED_QUERIES', oneOf('on', 'off', 'only'), 'on'),
      file: read('PERSISTED_QUERIES_FILE', trimmedText, undefined),
      exceptAdmin: read('PERSISTED_QUERIES_EXCEPT_ADMIN', onOff, false),
    },
    requestTimeoutSeconds: read('REQUEST_TIMEOUT_SECONDS', wholeNumber(1, 3600), 30),
    keepAliveSeconds: read('KEEP_ALIVE_SECONDS', wholeNumber(1, 86_400), KEEP_ALIVE_SECONDS),
    exportTimeoutSeconds: read('EXPORT_TIMEOUT_SECONDS', wholeNumber(1, 86_400), 900),
    rates: readRateLimits(read, defaults.rates),
    trustProxy: read('TRUST_PROXY', trustedProxies, 0),
    sockets: readSocketLimits(read),
    cache: {
      ttlSeconds: read('CACHE_TTL_SECONDS', wholeNumber(1, 31_536_000), 300),
      maxEntries: read('CACHE_MAX_ENTRIES', wholeNumber(1, 10_000_000), 100_000),
      maxBytes: read('CACHE_MAX_BYTES', BYTES, 256 * 1024 * 1024),
    },
    cacheAuditPercent: read('CACHE_AUDIT_PERCENT', percentage, 0.5),
    responseCache: read('RESPONSE_CACHE', onOff, true) ? { maxBytes: responseCacheMaxBytes } : null,
    redisUrl: read('REDIS_URL', redisUrl, undefined),
    demoFleet,
    // The machines of a still fleet never report.
    offlineAfterSeconds: read(
      'OFFLINE_AFTER_SECONDS',
      orNone(wholeNumber(5, 31_536_000), 'off'),
      demoFleet === 'still' ? undefined : 90,
    ),
    warmUp: read('WARM_UP', onOff, true),
    logLevel: read('LOG_LEVEL', oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), defaults.logLevel),
    tracing: readTracing(read, env),
    staleIfErrorSeconds: read('STALE_IF_ERROR_SECONDS', wholeNumber(0, 86_400), 60),
    ...readShutdown(read, defaults.drainSeconds),
  };
}

/** `on` is what `still` was called when there was no other. */
function readDemoFleet(read: ReadSetting, isDefault: boolean): Config['demoFleet'] {
  const given = read('DEMO_FLEET', oneOf('live', 'still', 'off', 'on'), isDefault ? 'live' : 'off');
  return given === 'on' ? 'still' : given;
}

const BYTES = wholeNumber(1, Number.MAX_SAFE_INTEGER);

function readDatabase(read: ReadSetting, dataDir: string): Config['database'] {
  const url = read('DATABASE_URL', postgresqlUrl, undefined);
  const poolSize = read('DATABASE_POOL_SIZE', wholeNumber(1, 1000), 10);
  const changeFeed = read('CHANGE_FEED', oneOf('notify', 'logical'), 'notify');
  if (url === undefined) return { kind: 'pglite', dataDir: join(dataDir, 'pglite') };
  return { kind: 'postgresql', url, poolSize, changeFeed };
}

function readAuth(read: ReadSetting, defaultRole: Config['auth']['anonymousRole']): Config['auth'] {
  const role = orNone(oneOf('VIEWER', 'OPERATOR', 'ADMIN', 'AGENT', 'MONITOR'));
  return {
    secret: read('AUTH_JWT_SECRET', signingSecret, undefined),
    jwksUrl: read('AUTH_JWKS_URL', secureUrl, undefined),
    issuer: read('AUTH_ISSUER', trimmedText, undefined),
    audience: read('AUTH_AUDIENCE', trimmedText, undefined),
    anonymousRole: read('ANONYMOUS_ROLE', role, defaultRole),
  };
}

/** In development the setting adds to the default, because pages are developed at addresses of their own. */
function readCors(read: ReadSetting, environment: Config['environment']) {
  const listed = read('CORS_ORIGINS', orNone(origins), []);
  return {
    corsOrigins: listed === undefined ? [] : [...new Set([...DEFAULTS[environment].corsOrigins, ...listed])],
    corsLoopback: listed !== undefined && environment === 'development',
  };
}

function readShutdown(read: ReadSetting, drainSeconds: number) {
  const shutdownGraceSeconds = read('SHUTDOWN_GRACE_SECONDS', wholeNumber(0, 3600), 10);
  const defaultDrainSeconds = Math.min(drainSeconds, Math.floor(shutdownGraceSeconds / 2));
  const shutdownDrainSeconds = read('SHUTDOWN_DRAIN_SECONDS', wholeNumber(0, 3600), defaultDrainSeconds);
  return { shutdownGraceSeconds, shutdownDrainSeconds };
}

/** Looks at what is set rather than at what was accepted, so that one mistake is reported once. */
function findAuthProblems(env: NodeJS.ProcessEnv, { environment }: Config): string[] {
  const problems: string[] = [];
  if (isSet(env, 'AUTH_JWT_SECRET') && isSet(env, 'AUTH_JWKS_URL')) {
    problems.push('Only one of AUTH_JWT_SECRET and AUTH_JWKS_URL may be set, but both are.');
  }
  if (environment === 'production' && !isSet(env, 'AUTH_JWT_SECRET') && !isSet(env, 'AUTH_JWKS_URL')) {
    problems.push('One of AUTH_JWT_SECRET and AUTH_JWKS_URL must be set in production, but neither is.');
  }
  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE']) {
    if (isSet(env, 'AUTH_JWKS_URL') && !isSet(env, name)) {
      problems.push(`${name} must be set when AUTH_JWKS_URL is, but is not.`);
    }
  }
  return problems;
}

/** Settings that are valid each, but not together. */
function findConflicts(env: NodeJS.ProcessEnv, config: Config): string[] {
  const { workers, persistedQueries, shutdownDrainSeconds, shutdownGraceSeconds } = config;
  const problems: string[] = [];
  if (shutdownDrainSeconds > shutdownGraceSeconds) {
    problems.push(
      `SHUTDOWN_DRAIN_SECONDS must be no more than SHUTDOWN_GRACE_SECONDS, which is ${shutdownGraceSeconds}.`,
    );
  }
  if (workers > 1 && !isSet(env, 'DATABASE_URL')) {
    problems.push('WORKERS must be 1 without DATABASE_URL: the embedded database has room for one process.');
  }
  if (env.CHANGE_FEED?.trim() === 'logical' && !isSet(env, 'DATABASE_URL')) {
    problems.push('CHANGE_FEED must be notify without DATABASE_URL: the embedded database has no replication.');
  }
  if (isSet(env, 'REDIS_URL') && !isSet(env, 'DATABASE_URL')) {
    problems.push('DATABASE_URL must be set when REDIS_URL is, but is not.');
  }
  if ((persistedQueries.mode === 'only') !== isSet(env, 'PERSISTED_QUERIES_FILE')) {
    problems.push('PERSISTED_QUERIES_FILE must be set when PERSISTED_QUERIES is only, and not otherwise.');
  }
  return problems;
}

function freezeDeeply<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) freezeDeeply(part);
    Object.freeze(value);
  }
  return value;
}
