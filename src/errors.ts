/** Every value of `extensions.code`. The list is closed: clients switch on it. */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'CONFLICT',
  'STALE_VERSION',
  'RATE_LIMITED',
  'PERSISTED_QUERY_NOT_IN_LIST',
  'UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface StationmasterErrorOptions {
  /** The path of the one input at fault, such as `input.ipAddress`. */
  readonly field?: string;
  readonly cause?: unknown;
  /** How long the caller has to wait before the same request can succeed. */
  readonly retryAfterSeconds?: number;
}

/**
 * A failure the caller can act on. Clients see its message, so the message names nothing internal. `graphql/errors.ts`
 * turns it into a GraphQL error, `http/refusal.ts` into an HTTP status.
 */
export class StationmasterError extends Error {
  override readonly name = 'StationmasterError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: StationmasterErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
