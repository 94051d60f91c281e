/** Every code a client can meet in `extensions.code`. The list is closed: clients switch on it. */
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

/**
 * A failure the caller can act on. Its message is shown to clients, so it names nothing internal; `field` is the path
 * of the one input at fault, such as `input.ipAddress`. `graphql/errors.ts` turns it into a GraphQL error.
 */
export class StationmasterError extends Error {
  override readonly name = 'StationmasterError';
  readonly code: ErrorCode;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
  }
}
