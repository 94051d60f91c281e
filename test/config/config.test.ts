import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseEnv } from 'node:util';
import { ROLES } from '../../src/auth/identity.ts';
import { ConfigError, loadConfig } from '../../src/config/config.ts';

const SECRET = 'a-secret-that-is-long-enough-to-sign-with';

test('needs no settings in development', () => {
  expect(loadConfig({})).toEqual({
    environment: 'development',
    host: '127.0.0.1',
    port: 4000,
    database: { kind: 'pglite', dataDir: '.data/pglite' },
    workers: 1,
    dataDir: '.data',
    auth: { secret: undefined, jwksUrl: undefined, issuer: undefined, audience: undefined, anonymousRole: 'VIEWER' },
    corsOrigins: ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'],
    corsLoopback: true,
    introspection: true,
    httpFastPath: true,
    compression: true,
    console: true,
    queries: {
      maxLength: 65_536,
      maxTokens: 2000,
      maxDepth: 10,
      maxAliases: 50,
      maxDirectives: 50,
      maxFields: 1000,
      maxRepeats: 20,
      maxCost: 100_000,
    },
    persistedQueries: { mode: 'on', file: undefined, exceptAdmin: false },
    requestTimeoutSeconds: 30,
    keepAliveSeconds: 72,
    exportTimeoutSeconds: 900,
    rates: { perToken: undefined, perAddress: undefined },
    trustProxy: 0,
    sockets: {
      maxConnections: 10_000,
      maxUninitialized: 1000,
      initTimeoutSeconds: 10,
      maxSubscriptions: 100,
      maxMessageBytes: 65_536,
      maxQueuedBytes: 4_194_304,
    },
    cache: { ttlSeconds: 300, maxEntries: 100_000, maxBytes: 268_435_456 },
    demoFleet: 'live',
    warmUp: true,
    logLevel: 'info',
    cacheAuditPercent: 0.5,
    offlineAfterSeconds: 90,
    responseCache: { maxBytes: 134_217_728 },
    tracing: null,
    staleIfErrorSeconds: 60,
    shutdownGraceSeconds: 10,
    shutdownDrainSeconds: 1,
  });
});

test('gives anonymous callers nothing in production unless configured to', () => {
  const config = loadConfig({ NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET });
  expect(config).toMatchObject({ environment: 'production', host: '0.0.0.0', corsOrigins: [], introspection: false });
  expect(config.rates).toEqual({ perToken: 60_000, perAddress: 1200 });
  expect(config.auth.anonymousRole).toBeUndefined();
});

test('logs nothing in tests', () => {
  expect(loadConfig({ NODE_ENV: 'test' })).toMatchObject({
    host: '127.0.0.1',
    auth: { anonymousRole: 'VIEWER' },
    corsOrigins: [],
    logLevel: 'silent',
  });
});

test('reads every setting', () => {
  const config = loadConfig({
    NODE_ENV: 'production',
    HOST: '::1',
    PORT: '0',
    DATABASE_URL: 'postgresql://user:p%40ss@db:5433/fleet',
    CHANGE_FEED: 'logical',
    DATABASE_POOL_SIZE: '25',
    WORKERS: '4',
    DATA_DIR: '/var/lib/stationmaster',
    AUTH_JWKS_URL: 'https://issuer.example.com/keys',
    AUTH_ISSUER: 'https://issuer.example.com',
    AUTH_AUDIENCE: 'stationmaster',
    ANONYMOUS_ROLE: 'AGENT',
    CORS_ORIGINS: 'https://a.example.com, http://localhost:3000/,https://a.example.com,',
    INTROSPECTION: 'on',
    QUERY_MAX_LENGTH: '1000',
    QUERY_MAX_TOKENS: '200',
    QUERY_MAX_DEPTH: '5',
    QUERY_MAX_ALIASES: '0',
    QUERY_MAX_DIRECTIVES: '1',
    QUERY_MAX_FIELDS: '30',
    QUERY_MAX_REPEATS: '2',
    QUERY_MAX_COST: '4000',
    PERSISTED_QUERIES: 'only',
    PERSISTED_QUERIES_FILE: '/etc/stationmaster/manifest.json',
    PERSISTED_QUERIES_EXCEPT_ADMIN: 'on',
    HTTP_FAST_PATH: 'off',
    COMPRESSION: 'off',
    CONSOLE: 'off',
    REQUEST_TIMEOUT_SECONDS: '5',
    KEEP_ALIVE_SECONDS: '4000',
    EXPORT_TIMEOUT_SECONDS: '60',
    RATE_LIMIT_PER_TOKEN: '300',
    RATE_LIMIT_PER_ADDRESS: 'off',
    TRUST_PROXY: 'loopback, 10.0.0.0/8',
    SOCKET_MAX_CONNECTIONS: '20',
    SOCKET_MAX_UNINITIALIZED: '5',
    SOCKET_INIT_TIMEOUT_SECONDS: '3',
    SOCKET_MAX_SUBSCRIPTIONS: '7',
    SOCKET_MAX_MESSAGE_BYTES: '2048',
    SOCKET_MAX_QUEUED_BYTES: '4096',
    CACHE_TTL_SECONDS: '30',
    CACHE_MAX_ENTRIES: '500',
    CACHE_MAX_BYTES: '1048576',
    CACHE_AUDIT_PERCENT: '12.5',
    OFFLINE_AFTER_SECONDS: '30',
    RESPONSE_CACHE: 'on',
    RESPONSE_CACHE_MAX_BYTES: '65536',
    REDIS_URL: 'rediss://user:p%40ss@cache:6380/2',
    DEMO_FLEET: 'still',
    WARM_UP: 'off',
    BUILD_COMMIT: 'f00ba4',
    LOG_LEVEL: 'trace',
    STALE_IF_ERROR_SECONDS: '0',
    SHUTDOWN_GRACE_SECONDS: '8',
    SHUTDOWN_DRAIN_SECONDS: '3',
  });
  expect(config).toEqual({
    environment: 'production',
    host: '::1',
    port: 0,
    database: {
      kind: 'postgresql',
      url: 'postgresql://user:p%40ss@db:5433/fleet',
      poolSize: 25,
      changeFeed: 'logical',
    },
    commit: 'f00ba4',
    workers: 4,
    dataDir: '/var/lib/stationmaster',
    auth: {
      secret: undefined,
      jwksUrl: 'https://issuer.example.com/keys',
      issuer: 'https://issuer.example.com',
      audience: 'stationmaster',
      anonymousRole: 'AGENT',
    },
    corsOrigins: ['https://a.example.com', 'http://localhost:3000'],
    corsLoopback: false,
    introspection: true,
    httpFastPath: false,
    compression: false,
    console: false,
    queries: {
      maxLength: 1000,
      maxTokens: 200,
      maxDepth: 5,
      maxAliases: 0,
      maxDirectives: 1,
      maxFields: 30,
      maxRepeats: 2,
      maxCost: 4000,
    },
    persistedQueries: { mode: 'only', file: '/etc/stationmaster/manifest.json', exceptAdmin: true },
    requestTimeoutSeconds: 5,
    keepAliveSeconds: 4000,
    exportTimeoutSeconds: 60,
    rates: { perToken: 300, perAddress: undefined },
    trustProxy: ['loopback', '10.0.0.0/8'],
    sockets: {
      maxConnections: 20,
      maxUninitialized: 5,
      initTimeoutSeconds: 3,
      maxSubscriptions: 7,
      maxMessageBytes: 2048,
      maxQueuedBytes: 4096,
    },
    cache: { ttlSeconds: 30, maxEntries: 500, maxBytes: 1_048_576 },
    cacheAuditPercent: 12.5,
    offlineAfterSeconds: 30,
    responseCache: { maxBytes: 65_536 },
    redisUrl: 'rediss://user:p%40ss@cache:6380/2',
    demoFleet: 'still',
    warmUp: false,
    logLevel: 'trace',
    tracing: null,
    staleIfErrorSeconds: 0,
    shutdownGraceSeconds: 8,
    shutdownDrainSeconds: 3,
  });
});

test.each([
  [{ NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET }, 2],
  [{ NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET, SHUTDOWN_GRACE_SECONDS: '3' }, 1],
  [{ SHUTDOWN_GRACE_SECONDS: '0' }, 0],
  [{ NODE_ENV: 'test' }, 0],
])('gives load balancers time to notice a stop, but never all of the grace: %j', (env, seconds) => {
  expect(loadConfig(env).shutdownDrainSeconds).toBe(seconds);
});

test('WORKERS=auto runs a worker for each processor, but one on the embedded database', () => {
  const workers = (env: Record<string, string>) => loadConfig({ WORKERS: 'auto', ...env }).workers;
  expect(workers({ DATABASE_URL: 'postgres://db/fleet' })).toBe(availableParallelism());
  expect(workers({})).toBe(1);
});

test('lists every problem in one message', () => {
  const error = catchConfigError({
    NODE_ENV: 'production',
    PORT: '70000',
    DATABASE_URL: 'mysql://root:hunter2@db/fleet',
    AUTH_JWKS_URL: 'http://issuer.example.com/keys',
    ANONYMOUS_ROLE: 'GOD',
    WARM_UP: 'yes',
  });
  expect(error.message).toBe(`The configuration has 7 problems:
  - DATABASE_URL must be a postgres:// or postgresql:// URL with its special characters percent-encoded, but is another mysql:// URL.
  - PORT must be a whole number from 0 to 65535, but is "70000".
  - AUTH_JWKS_URL must be an https:// URL without a user name (http:// for a loopback host only), but is another http:// URL.
  - ANONYMOUS_ROLE must be one of VIEWER, OPERATOR, ADMIN, AGENT, MONITOR, or none, but is "GOD".
  - WARM_UP must be on or off, but is "yes".
  - AUTH_ISSUER must be set when AUTH_JWKS_URL is, but is not.
  - AUTH_AUDIENCE must be set when AUTH_JWKS_URL is, but is not.`);
  expect(error.problems).toHaveLength(7);
});

test.each([
  [{ CACHE_AUDIT_PERCENT: '101' }, 'CACHE_AUDIT_PERCENT must be a number from 0 to 100, such as 0.5, but is "101".'],
  [{ CACHE_AUDIT_PERCENT: '-1' }, 'CACHE_AUDIT_PERCENT must be a number from 0 to 100, such as 0.5, but is "-1".'],
  [
    { OFFLINE_AFTER_SECONDS: '4' },
    'OFFLINE_AFTER_SECONDS must be a whole number from 5 to 31536000, or off, but is "4".',
  ],
  [{ NODE_ENV: 'staging' }, 'NODE_ENV must be one of development, production, test, but is "staging".'],
  [{ NODE_ENV: 'production' }, 'One of AUTH_JWT_SECRET and AUTH_JWKS_URL must be set in production, but neither is.'],
  [{ NODE_ENV: 'production', AUTH_JWT_SECRET: 'short' }, 'AUTH_JWT_SECRET must be at least 32 bytes long, but has 5.'],
  [
    {
      AUTH_JWT_SECRET: SECRET,
      AUTH_JWKS_URL: 'https://issuer.example.com',
      AUTH_ISSUER: 'issuer',
      AUTH_AUDIENCE: 'us',
    },
    'Only one of AUTH_JWT_SECRET and AUTH_JWKS_URL may be set, but both are.',
  ],
  [
    { SHUTDOWN_GRACE_SECONDS: '3', SHUTDOWN_DRAIN_SECONDS: '4' },
    'SHUTDOWN_DRAIN_SECONDS must be no more than SHUTDOWN_GRACE_SECONDS, which is 3.',
  ],
  [
    { CHANGE_FEED: 'logical' },
    'CHANGE_FEED must be notify without DATABASE_URL: the embedded database has no replication.',
  ],
  [
    { CHANGE_FEED: 'listen', DATABASE_URL: 'postgres://db/fleet' },
    'CHANGE_FEED must be one of notify, logical, but is "listen".',
  ],
  [{ WORKERS: '2' }, 'WORKERS must be 1 without DATABASE_URL: the embedded database has room for one process.'],
  [
    { WORKERS: 'many', DATABASE_URL: 'postgres://db/fleet' },
    'WORKERS must be a whole number from 1 to 1000, or auto, but is "many".',
  ],
  [{ PORT: '-1' }, 'PORT must be a whole number from 0 to 65535, but is "-1".'],
  [{ PORT: '0x10' }, 'PORT must be a whole number from 0 to 65535, but is "0x10".'],
  [{ PORT: '4000 ' }, 'PORT must be a whole number from 0 to 65535, but is "4000 ".'],
  [{ HOST: 'http://localhost' }, 'HOST must be a host name or an IP address, but is "http://localhost".'],
  [{ CACHE_MAX_BYTES: '256MB' }, 'CACHE_MAX_BYTES must be a whole number from 1 to 9007199254740991, but is "256MB".'],
  [{ CACHE_MAX_ENTRIES: '0' }, 'CACHE_MAX_ENTRIES must be a whole number from 1 to 10000000, but is "0".'],
  [
    { SOCKET_MAX_MESSAGE_BYTES: '64KiB' },
    'SOCKET_MAX_MESSAGE_BYTES must be a whole number from 1024 to 104857600, but is "64KiB".',
  ],
  [{ DATABASE_POOL_SIZE: 'ten' }, 'DATABASE_POOL_SIZE must be a whole number from 1 to 1000, but is "ten".'],
  [
    { LOG_LEVEL: 'verbose' },
    'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, but is "verbose".',
  ],
  [
    { RATE_LIMIT_PER_TOKEN: 'none' },
    'RATE_LIMIT_PER_TOKEN must be a whole number from 1 to 1000000000, or off, but is "none".',
  ],
  [
    { TRUST_PROXY: '10.0.0.0/33' },
    'TRUST_PROXY must be how many proxies stand in front, or their addresses and networks such as 10.0.0.0/8, separated by commas, but is "10.0.0.0/33".',
  ],
  [
    { PERSISTED_QUERIES: 'only' },
    'PERSISTED_QUERIES_FILE must be set when PERSISTED_QUERIES is only, and not otherwise.',
  ],
  [
    { PERSISTED_QUERIES_FILE: 'manifest.json' },
    'PERSISTED_QUERIES_FILE must be set when PERSISTED_QUERIES is only, and not otherwise.',
  ],
])('refuses %j', (env, problem) => {
  expect(catchConfigError(env).problems).toEqual([problem]);
});

test.each([
  ['http://cache:6379', 'is another http:// URL'],
  ['redis://:hunter2@cache:6379?enableOfflineQueue=true', 'is another redis:// URL'],
  ['redis://:hunter2@cache/zero', 'is another redis:// URL'],
  ['redis://:hunt#er2@cache', 'is a redis:// URL that cannot be read'],
  ['redis://:hunter2%@cache', 'is another redis:// URL'],
  ['redis:///0', 'is another redis:// URL'],
  ['cache:6379', 'does not begin with a scheme'],
])('does not take %s for the URL of a Redis server, nor repeats it', (url, description) => {
  expect(catchConfigError({ DATABASE_URL: 'postgres://db/fleet', REDIS_URL: url }).problems).toEqual([
    `REDIS_URL must be a redis:// or rediss:// URL with its special characters percent-encoded, such as redis://cache:6379/0, but ${description}.`,
  ]);
});

test('refuses Redis with the embedded database', () => {
  expect(catchConfigError({ REDIS_URL: 'redis://cache' }).problems).toEqual([
    'DATABASE_URL must be set when REDIS_URL is, but is not.',
  ]);
});

test.each(['https://app.example.com/path', '*', 'app.example.com', 'https://user@app.example.com', 'file:///etc'])(
  'does not take %s for a CORS origin',
  (origin) => {
    const { problems } = catchConfigError({ CORS_ORIGINS: `https://fine.example.com,${origin}` });
    expect(problems).toEqual([expect.stringMatching(/^CORS_ORIGINS must be origins such as /)]);
  },
);

test.each(['http://localhost:9000/keys', 'http://127.0.0.2/keys', 'http://[::1]:80/keys'])(
  'lets keys be fetched without TLS from this machine: %s',
  (jwksUrl) => {
    const config = loadConfig({ AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'us' });
    expect(config.auth.jwksUrl).toBe(jwksUrl);
  },
);

test.each(['http://127.0.0.1.example.com/keys', 'http://localhost.example.com/keys', 'ftp://localhost/keys'])(
  'lets keys be fetched from nowhere else that way: %s',
  (jwksUrl) => {
    const env = { AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'us' };
    expect(catchConfigError(env).problems).toEqual([expect.stringMatching(/^AUTH_JWKS_URL must be an https/)]);
  },
);

test.each([
  { AUTH_JWT_SECRET: 'hunter2' },
  { DATABASE_URL: 'hunter2' },
  { DATABASE_URL: 'mysql://user:hunter2@db/fleet' },
  { DATABASE_URL: 'postgres://user:hunter2#@db/fleet' },
  { DATABASE_URL: 'hunter2:hunter2@db/fleet' },
  { AUTH_JWKS_URL: 'https://user:hunter2@issuer.example.com/keys', AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'us' },
])('never repeats a secret: %j', (env) => {
  const error = catchConfigError(env);
  expect(error.problems).toHaveLength(1);
  expect(error.message).not.toContain('hunter2');
});

test('treats an empty value as unset', () => {
  const names = settingNames();
  expect(loadConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(loadConfig({}));
});

test('accepts every role of the program', () => {
  expect(ROLES.map((role) => loadConfig({ ANONYMOUS_ROLE: role }).auth.anonymousRole)).toEqual(ROLES);
});

test("accepts 'none' for settings with a default", () => {
  const config = loadConfig({ ANONYMOUS_ROLE: 'none', CORS_ORIGINS: 'none' });
  expect(config.auth.anonymousRole).toBeUndefined();
  expect(config.corsOrigins).toEqual([]);
});

test('freezes the configuration and everything in it', () => {
  const config = loadConfig({ CORS_ORIGINS: 'https://a.example.com' });
  for (const part of [config, config.database, config.auth, config.corsOrigins, config.cache]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

describe('Traces', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.com' };

  test('are exported where there is an address for them', () => {
    expect(loadConfig({}).tracing).toBeNull();
    expect(loadConfig(endpoint).tracing).toEqual({
      protocol: 'http/protobuf',
      sampler: undefined,
      samplerRatio: 1,
      batch: { scheduledDelayMillis: 5000, maxQueueSize: 2048, maxExportBatchSize: 512, exportTimeoutMillis: 30_000 },
    });
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector/v1/traces', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    expect(loadConfig(env).tracing).toMatchObject({ samplerRatio: 0.25 });
  });

  test.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])('are not exported with %j', (env) => {
    expect(loadConfig({ ...endpoint, ...env }).tracing).toBeNull();
  });

  test('leave variables for other programs alone', () => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_TRACES_SAMPLER: 'xray', OTEL_TRACES_EXPORTER: 'console' };
    expect(loadConfig(env).tracing).toBeNull();
    expect(catchConfigError({ ...endpoint, ...env, OTEL_TRACES_EXPORTER: 'otlp' }).problems).toEqual([
      'OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/protobuf, http/json, but is "grpc".',
      expect.stringMatching(/^OTEL_TRACES_SAMPLER must be one of always_on, /),
    ]);
  });

  test('never have the password of their address repeated', () => {
    const { message } = catchConfigError({ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://user:hunter2@collector' });
    expect(message).toContain('OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL');
    expect(message).not.toContain('hunter2');
  });
});

describe('.env.example', () => {
  const example = parseEnv(readFileSync('.env.example', 'utf8').replaceAll(/^#(?=[A-Z_]+=)/gm, ''));

  test('lists every setting', () => {
    expect(Object.keys(example).sort()).toEqual(settingNames());
  });

  test('shows the defaults of development', () => {
    expect(loadConfig(example)).toEqual(loadConfig({}));
  });
});

function catchConfigError(env: NodeJS.ProcessEnv): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('Expected a ConfigError.');
}

/** The names of the settings that `loadConfig` reads. */
function settingNames(): string[] {
  const names = new Set<string>();
  loadConfig(
    new Proxy<NodeJS.ProcessEnv>({}, { get: (_target, name) => void (typeof name === 'string' && names.add(name)) }),
  );
  return [...names].sort();
}
