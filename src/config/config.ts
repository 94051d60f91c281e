import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  createSettingReader,
  hostName,
  isSet,
  oneOf,
  onOff,
  origins,
  orNone,
  postgresqlUrl,
  redisUrl,
  secureUrl,
  signingSecret,
  trimmedText,
  trustedProxies,
  wholeNumber,
  wholeNumberOrAuto,
} from './settings.ts';

/** Everything the environment decides, read once at start and frozen. Times are in the unit their name says. */
export interface Config {
  readonly environment: 'development' | 'production' | 'test';
  readonly host: string;
  readonly port: number;
  readonly database:
    | { readonly kind: 'pglite'; readonly dataDir: string }
    | { readonly kind: 'postgresql'; readonly url: string; readonly poolSize: number };
  /** How many processes share the port. */
  readonly workers: number;
  /** Where the embedded database and the development secret live. */
  readonly dataDir: string;
  readonly auth: {
    readonly secret: string | undefined;
    readonly jwksUrl: string | undefined;
    readonly issuer: string | undefined;
    readonly audience: string | undefined;
    readonly anonymousRole: 'VIEWER' | 'OPERATOR' | 'ADMIN' | 'AGENT' | undefined;
  };
  readonly corsOrigins: readonly string[];
  /** Whether clients may ask for the schema. */
  readonly introspection: boolean;
  /** Whether plain requests are served before Node's HTTP parser; the responses are the same. */
  readonly httpFastPath: boolean;
  /** How much one query may ask for; see `QueryLimits`. */
  readonly queries: QueryLimits;
  /** Whether a query's hash may stand for it; `only` what is in `file` is executed, which is set then and only then. */
  readonly persistedQueries: { readonly mode: 'on' | 'off' | 'only'; readonly file: string | undefined };
  /** How long a request may take to arrive. */
  readonly requestTimeoutSeconds: number;
  /** How long a connection without a request stays open. */
  readonly keepAliveSeconds: number;
  /** How often clients may ask. */
  readonly rates: RateLimits;
  /** Whose word on a client's address is taken: that many proxies before us, or those with these addresses. */
  readonly trustProxy: number | readonly string[];
  /** How much WebSockets may ask for; see `SocketLimits`. */
  readonly sockets: SocketLimits;
  readonly cache: { readonly ttlSeconds: number; readonly maxEntries: number; readonly maxBytes: number };
  /** Whole answers kept as bytes, in memory of their own; `null`: none are. */
  readonly responseCache: { readonly maxBytes: number } | null;
  /** Where records are kept for all instances and their successors; `undefined`: nowhere. May hold a password. */
  readonly redisUrl: string | undefined;
  /** Whether an empty database is filled with the demo fleet at start. */
  readonly demoFleet: boolean;
  readonly warmUp: boolean;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly staleIfErrorSeconds: number;
  readonly shutdownGraceSeconds: number;
  /** How much of that goes by before connections are refused. */
  readonly shutdownDrainSeconds: number;
}

/** What bounds the cost of one query, whatever it says. */
export interface QueryLimits {
  /** Characters of its text. */
  readonly maxLength: number;
  readonly maxTokens: number;
  /** Levels of fields within fields. */
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
  /** Fields, counted anew wherever a fragment with them is spread. */
  readonly maxFields: number;
  /** Selections that come to the same field of the answer. */
  readonly maxRepeats: number;
  /** Fields, those of a page counted as often as it has rows. */
  readonly maxCost: number;
}

/** Operations a minute, and so many at once; `undefined`: any number. */
export interface RateLimits {
  readonly perToken: number | undefined;
  /** For requests without a token that is valid. */
  readonly perAddress: number | undefined;
}

/** What bounds the cost of WebSockets. */
export interface SocketLimits {
  readonly maxConnections: number;
  /** Connections that have not sent `connection_init` yet. */
  readonly maxUninitialized: number;
  readonly initTimeoutSeconds: number;
  /** Operations of one connection that run at a time. */
  readonly maxSubscriptions: number;
  /** Of one incoming message. */
  readonly maxMessageBytes: number;
  /** What may wait for one consumer that is slow to read. */
  readonly maxQueuedBytes: number;
}

/** The environment cannot be used. `problems` holds one sentence for each thing to correct; none repeats a secret. */
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

const NO_RATE_LIMITS = { ratePerToken: undefined, ratePerAddress: undefined };
const RATE_LIMITS = { ratePerToken: 60_000, ratePerAddress: 1200 };

const DEFAULTS = {
  development: {
    host: '127.0.0.1',
    anonymousRole: 'VIEWER',
    corsOrigins: APOLLO_SANDBOX,
    logLevel: 'info',
    drainSeconds: 1,
    ...NO_RATE_LIMITS,
  },
  test: {
    host: '127.0.0.1',
    anonymousRole: 'VIEWER',
    corsOrigins: [],
    logLevel: 'silent',
    drainSeconds: 0,
    ...NO_RATE_LIMITS,
  },
  production: {
    host: '0.0.0.0',
    anonymousRole: undefined,
    corsOrigins: [],
    logLevel: 'info',
    drainSeconds: 2,
    ...RATE_LIMITS,
  },
} as const;

/**
 * Reads the settings `.env.example` describes out of `env`. An empty value counts as unset; variables of other programs
 * are left alone. The result is frozen throughout.
 *
 * @throws {ConfigError} naming every problem at once
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const { read, problems } = createSettingReader(env);
  const environment = read('NODE_ENV', oneOf('development', 'production', 'test'), 'development');
  const defaults = DEFAULTS[environment];
  const dataDir = read('DATA_DIR', trimmedText, '.data');
  const databaseUrl = read('DATABASE_URL', postgresqlUrl, undefined);
  const graceSeconds = read('SHUTDOWN_GRACE_SECONDS', wholeNumber(0, 3600), 10);
  const processors = databaseUrl === undefined ? 1 : availableParallelism();
  const poolSize = read('DATABASE_POOL_SIZE', wholeNumber(1, 1000), 10);

  const responseCacheMaxBytes = read(
    'RESPONSE_CACHE_MAX_BYTES',
    wholeNumber(1, Number.MAX_SAFE_INTEGER),
    128 * 1024 * 1024,
  );

  const config: Config = {
    environment,
    host: read('HOST', hostName, defaults.host),
    port: read('PORT', wholeNumber(0, 65_535), 4000),
    database:
      databaseUrl === undefined
        ? { kind: 'pglite', dataDir: join(dataDir, 'pglite') }
        : { kind: 'postgresql', url: databaseUrl, poolSize },
    workers: read('WORKERS', wholeNumberOrAuto(1, 1000, processors), 1),
    dataDir,
    auth: {
      secret: read('AUTH_JWT_SECRET', signingSecret, undefined),
      jwksUrl: read('AUTH_JWKS_URL', secureUrl, undefined),
      issuer: read('AUTH_ISSUER', trimmedText, undefined),
      audience: read('AUTH_AUDIENCE', trimmedText, undefined),
      anonymousRole: read(
        'ANONYMOUS_ROLE',
        orNone(oneOf('VIEWER', 'OPERATOR', 'ADMIN', 'AGENT')),
        defaults.anonymousRole,
      ),
    },
    corsOrigins: read('CORS_ORIGINS', orNone(origins), defaults.corsOrigins) ?? [],
    introspection: read('INTROSPECTION', onOff, environment !== 'production'),
    httpFastPath: read('HTTP_FAST_PATH', onOff, true),
    queries: {
      maxLength: read('QUERY_MAX_LENGTH', wholeNumber(100, 1_048_576), 65_536),
      maxTokens: read('QUERY_MAX_TOKENS', wholeNumber(10, 1_000_000), 2000),
      maxDepth: read('QUERY_MAX_DEPTH', wholeNumber(1, 1000), 10),
      maxAliases: read('QUERY_MAX_ALIASES', wholeNumber(0, 1_000_000), 50),
      maxDirectives: read('QUERY_MAX_DIRECTIVES', wholeNumber(0, 1_000_000), 50),
      maxFields: read('QUERY_MAX_FIELDS', wholeNumber(1, 1_000_000), 1000),
      maxRepeats: read('QUERY_MAX_REPEATS', wholeNumber(1, 1_000_000), 20),
      maxCost: read('QUERY_MAX_COST', wholeNumber(1, 1_000_000_000), 100_000),
    },
    persistedQueries: {
      mode: read('PERSISTED_QUERIES', oneOf('on', 'off', 'only'), 'on'),
      file: read('PERSISTED_QUERIES_FILE', trimmedText, undefined),
    },
    requestTimeoutSeconds: read('REQUEST_TIMEOUT_SECONDS', wholeNumber(1, 3600), 30),
    keepAliveSeconds: read('KEEP_ALIVE_SECONDS', wholeNumber(1, 86_400), KEEP_ALIVE_SECONDS),
    rates: {
      perToken: read('RATE_LIMIT_PER_TOKEN', orNone(wholeNumber(1, 1_000_000_000), 'off'), defaults.ratePerToken),
      perAddress: read('RATE_LIMIT_PER_ADDRESS', orNone(wholeNumber(1, 1_000_000_000), 'off'), defaults.ratePerAddress),
    },
    trustProxy: read('TRUST_PROXY', trustedProxies, 0),
    sockets: {
      maxConnections: read('SOCKET_MAX_CONNECTIONS', wholeNumber(1, 1_000_000), 10_000),
      maxUninitialized: read('SOCKET_MAX_UNINITIALIZED', wholeNumber(1, 1_000_000), 1000),
      initTimeoutSeconds: read('SOCKET_INIT_TIMEOUT_SECONDS', wholeNumber(1, 3600), 10),
      maxSubscriptions: read('SOCKET_MAX_SUBSCRIPTIONS', wholeNumber(1, 100_000), 100),
      maxMessageBytes: read('SOCKET_MAX_MESSAGE_BYTES', wholeNumber(1024, 100 * 1024 * 1024), 64 * 1024),
      maxQueuedBytes: read('SOCKET_MAX_QUEUED_BYTES', wholeNumber(1024, 1024 * 1024 * 1024), 4 * 1024 * 1024),
    },
    cache: {
      ttlSeconds: read('CACHE_TTL_SECONDS', wholeNumber(1, 31_536_000), 300),
      maxEntries: read('CACHE_MAX_ENTRIES', wholeNumber(1, 10_000_000), 100_000),
      maxBytes: read('CACHE_MAX_BYTES', wholeNumber(1, Number.MAX_SAFE_INTEGER), 256 * 1024 * 1024),
    },
    responseCache: read('RESPONSE_CACHE', onOff, true) ? { maxBytes: responseCacheMaxBytes } : null,
    redisUrl: read('REDIS_URL', redisUrl, undefined),
    demoFleet: read('DEMO_FLEET', onOff, environment === 'development' && databaseUrl === undefined),
    warmUp: read('WARM_UP', onOff, true),
    logLevel: read('LOG_LEVEL', oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), defaults.logLevel),
    staleIfErrorSeconds: read('STALE_IF_ERROR_SECONDS', wholeNumber(0, 86_400), 60),
    shutdownGraceSeconds: graceSeconds,
    shutdownDrainSeconds: read(
      'SHUTDOWN_DRAIN_SECONDS',
      wholeNumber(0, 3600),
      Math.min(defaults.drainSeconds, Math.floor(graceSeconds / 2)),
    ),
  };

  problems.push(...findAuthProblems(env, environment));
  if (config.shutdownDrainSeconds > graceSeconds) {
    problems.push(`SHUTDOWN_DRAIN_SECONDS must be no more than SHUTDOWN_GRACE_SECONDS, which is ${graceSeconds}.`);
  }
  if (config.workers > 1 && !isSet(env, 'DATABASE_URL')) {
    problems.push('WORKERS must be 1 without DATABASE_URL: the embedded database has room for one process.');
  }
  if (isSet(env, 'REDIS_URL') && !isSet(env, 'DATABASE_URL')) {
    problems.push('DATABASE_URL must be set when REDIS_URL is, but is not.');
  }
  if ((config.persistedQueries.mode === 'only') !== isSet(env, 'PERSISTED_QUERIES_FILE')) {
    problems.push('PERSISTED_QUERIES_FILE must be set when PERSISTED_QUERIES is only, and not otherwise.');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return freezeDeeply(config);
}

/** Adds the settings of `.env` in the working directory to `process.env`, where they are not set already. */
export function loadEnvFileIfPresent(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

/** What `findAuthProblems` looks at is what was set, not what was understood, so that one mistake is reported once. */
function findAuthProblems(env: NodeJS.ProcessEnv, environment: Config['environment']): string[] {
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

function freezeDeeply<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) freezeDeeply(part);
    Object.freeze(value);
  }
  return value;
}
