import { orNone, type ReadSetting, wholeNumber } from './settings.ts';

/** Bounds on the cost of one query. */
export interface QueryLimits {
  /** Characters of the text. */
  readonly maxLength: number;
  readonly maxTokens: number;
  /** Levels of fields within fields. */
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
  /** Fields, counted again wherever a fragment with them is spread. */
  readonly maxFields: number;
  /** Selections that are merged into one field of the response. */
  readonly maxRepeats: number;
  /** Fields, where those of a page count once for each of its rows. */
  readonly maxCost: number;
}

/** Operations a minute, which may also come all at once; `undefined`: no limit. */
export interface RateLimits {
  readonly perToken: number | undefined;
  /** For requests without a valid token. */
  readonly perAddress: number | undefined;
}

/** Bounds on the cost of WebSockets. */
export interface SocketLimits {
  readonly maxConnections: number;
  /** Connections that have not sent `connection_init` yet. */
  readonly maxUninitialized: number;
  readonly initTimeoutSeconds: number;
  /** Operations of one connection at the same time. */
  readonly maxSubscriptions: number;
  /** Size of one incoming message. */
  readonly maxMessageBytes: number;
  /** Size of the messages that wait for a slow client. */
  readonly maxQueuedBytes: number;
}

export function readQueryLimits(read: ReadSetting): QueryLimits {
  return {
    maxLength: read('QUERY_MAX_LENGTH', wholeNumber(100, 1_048_576), 65_536),
    maxTokens: read('QUERY_MAX_TOKENS', wholeNumber(10, 1_000_000), 2000),
    maxDepth: read('QUERY_MAX_DEPTH', wholeNumber(1, 1000), 10),
    maxAliases: read('QUERY_MAX_ALIASES', wholeNumber(0, 1_000_000), 50),
    maxDirectives: read('QUERY_MAX_DIRECTIVES', wholeNumber(0, 1_000_000), 50),
    maxFields: read('QUERY_MAX_FIELDS', wholeNumber(1, 1_000_000), 1000),
    maxRepeats: read('QUERY_MAX_REPEATS', wholeNumber(1, 1_000_000), 20),
    maxCost: read('QUERY_MAX_COST', wholeNumber(1, 1_000_000_000), 100_000),
  };
}

export function readRateLimits(read: ReadSetting, defaults: RateLimits): RateLimits {
  const perMinute = orNone(wholeNumber(1, 1_000_000_000), 'off');
  return {
    perToken: read('RATE_LIMIT_PER_TOKEN', perMinute, defaults.perToken),
    perAddress: read('RATE_LIMIT_PER_ADDRESS', perMinute, defaults.perAddress),
  };
}

export function readSocketLimits(read: ReadSetting): SocketLimits {
  return {
    maxConnections: read('SOCKET_MAX_CONNECTIONS', wholeNumber(1, 1_000_000), 10_000),
    maxUninitialized: read('SOCKET_MAX_UNINITIALIZED', wholeNumber(1, 1_000_000), 1000),
    initTimeoutSeconds: read('SOCKET_INIT_TIMEOUT_SECONDS', wholeNumber(1, 3600), 10),
    maxSubscriptions: read('SOCKET_MAX_SUBSCRIPTIONS', wholeNumber(1, 100_000), 100),
    maxMessageBytes: read('SOCKET_MAX_MESSAGE_BYTES', wholeNumber(1024, 100 * 1024 * 1024), 64 * 1024),
    maxQueuedBytes: read('SOCKET_MAX_QUEUED_BYTES', wholeNumber(1024, 1024 * 1024 * 1024), 4 * 1024 * 1024),
  };
}
