import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import type { Logger } from 'pino';
import { PatternError } from '../cache/index.ts';
import type { Config } from '../config/config.ts';
import { findTransientFailure, type TransientFailure } from '../database/failures.ts';
import { ERROR_CODES, type ErrorCode, StationmasterError } from '../errors.ts';

/** What an error is reported against. `logger` already carries the request id; `requestId` is what the client is told. */
export interface ErrorScope {
  readonly logger: Logger;
  readonly requestId?: string;
  /** Whether clients are kept from guessing their way through the schema by graphql-js' "Did you mean". */
  readonly hidesSuggestions?: boolean;
}

/**
 * Turns whatever was thrown into what clients are shown, for HTTP and WebSockets alike. `extensions.code` is one of
 * `ERROR_CODES`, or one of the two codes by which the persisted query protocol asks for the query itself.
 *
 * What a client could not have caused is logged whole; of an unknown error nothing is sent but the code and the request
 * id. A cause shared by several errors, such as a failed batch, is logged once.
 */
export function presentErrors(errors: readonly unknown[], scope: ErrorScope): GraphQLFormattedError[] {
  const loggedCauses = new Set<unknown>();
  return errors.map((error) => {
    const explanation = explain(error);
    const cause = findCause(error);
    if (!loggedCauses.has(cause)) logFailure(explanation.code, error, cause, scope.logger);
    loggedCauses.add(cause);
    return format(error, explanation, scope);
  });
}

/** `presentErrors` for one. */
export function presentError(error: unknown, scope: ErrorScope): GraphQLFormattedError {
  return presentErrors([error], scope)[0]!;
}

/** Those who may ask for the schema may have it spelled as well, except in production. */
export function hidesSuggestions({
  environment,
  introspection,
}: Pick<Config, 'environment' | 'introspection'>): boolean {
  return environment === 'production' || !introspection;
}

type PersistedQueryCode = 'PERSISTED_QUERY_NOT_FOUND' | 'PERSISTED_QUERY_NOT_SUPPORTED';

interface Explanation {
  readonly code: ErrorCode | PersistedQueryCode;
  readonly message: string;
  readonly field?: string | undefined;
}

const UNKNOWN: Explanation = { code: 'INTERNAL_SERVER_ERROR', message: 'Internal server error' };

const TRANSIENT_FAILURES: Readonly<Record<TransientFailure, Explanation>> = {
  unreachable: { code: 'UNAVAILABLE', message: 'The database cannot be reached at the moment; try again.' },
  unable: { code: 'UNAVAILABLE', message: 'The database cannot do this at the moment; try again.' },
  contended: { code: 'UNAVAILABLE', message: 'Others are writing to the same rows; try again.' },
};

function explain(error: unknown): Explanation {
  const cause = findCause(error);
  if (cause instanceof StationmasterError && cause.code !== 'INTERNAL_SERVER_ERROR') return cause;
  if (cause instanceof PatternError) return { code: 'BAD_USER_INPUT', message: cause.message, field: 'pattern' };
  const failure = findTransientFailure(cause);
  if (failure) return TRANSIENT_FAILURES[failure];
  if (!(error instanceof GraphQLError)) return UNKNOWN;
  const code = findCode(error);
  return code === undefined ? UNKNOWN : { code, message: error.message, field: findField(error.message) };
}

/** Which part of a variable graphql-js could not use; it says so in its message only. */
function findField(message: string): string | undefined {
  return /^Variable "\$\w+" got invalid value .* at "([^"]+)"/s.exec(message)?.[1];
}

/** What a resolver threw, under the layers graphql-js and Apollo put around it. */
function findCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) cause = cause.originalError;
  return cause;
}

/** The code of an error that clients may read, `undefined` for one that they may not. */
function findCode(error: GraphQLError): Explanation['code'] | undefined {
  const { code } = error.extensions;
  if (code === undefined) return isAboutTheRequest(error) ? 'BAD_USER_INPUT' : undefined;
  if (typeof code !== 'string' || code === 'INTERNAL_SERVER_ERROR') return undefined;
  return CODES.get(code);
}

/** From the codes of our libraries to our own; ours stay what they are. */
const CODES = new Map<string, Explanation['code']>([
  ...ERROR_CODES.map((code) => [code, code] as const),
  ['GRAPHQL_PARSE_FAILED', 'BAD_USER_INPUT'],
  ['GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT'],
  ['OPERATION_RESOLUTION_FAILURE', 'BAD_USER_INPUT'],
  ['BAD_REQUEST', 'BAD_USER_INPUT'],
  ['UNAUTHORIZED', 'FORBIDDEN'],
  // Clients of the protocol wait for exactly these before they send the whole query.
  ['PERSISTED_QUERY_NOT_FOUND', 'PERSISTED_QUERY_NOT_FOUND'],
  ['PERSISTED_QUERY_NOT_SUPPORTED', 'PERSISTED_QUERY_NOT_SUPPORTED'],
]);

/**
 * Whether graphql-js finds fault with what was asked: with the document or its variables as a whole, which leaves no
 * path, or with one argument of a field. Other errors without a code are ours.
 */
function isAboutTheRequest(error: GraphQLError): boolean {
  if (error.path === undefined) return error.locations !== undefined || error.originalError === undefined;
  const cause = findCause(error);
  const kind = cause instanceof GraphQLError ? cause.nodes?.[0]?.kind : undefined;
  return kind !== undefined && (kind === Kind.VARIABLE || kind.endsWith('Value'));
}

function format(
  error: unknown,
  { code, message, field }: Explanation,
  { hidesSuggestions, requestId }: ErrorScope,
): GraphQLFormattedError {
  const { locations, path } = error instanceof GraphQLError ? error : {};
  return {
    message: hidesSuggestions ? message.replace(SUGGESTION, '') : message,
    ...(locations && { locations }),
    ...(path && { path }),
    extensions: {
      code,
      ...(field !== undefined && { field }),
      ...(code === 'INTERNAL_SERVER_ERROR' && requestId !== undefined && { requestId }),
    },
  };
}

/** graphql-js puts it last, whatever it is about: fields, arguments, types, enum values. */
const SUGGESTION = / ?Did you mean .*\?$/s;

function logFailure(code: Explanation['code'], error: unknown, cause: unknown, logger: Logger): void {
  const path = error instanceof GraphQLError ? error.path?.join('.') : undefined;
  if (code === 'INTERNAL_SERVER_ERROR') logger.error({ err: cause, path }, 'unexpected error');
  if (code === 'UNAVAILABLE') logger.warn({ err: cause, path }, 'something we depend on is unavailable');
}
