import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import type { Logger } from 'pino';
import { PatternError } from '../cache/index.ts';
import type { Config } from '../config/config.ts';
import { findTransientFailure, type TransientFailure } from '../database/failures.ts';
import { ERROR_CODES, type ErrorCode, StationmasterError } from '../errors.ts';

/** The request that an error belongs to. The lines of `logger` have the request id; `requestId` is sent to the client. */
export interface ErrorScope {
  readonly logger: Logger;
  readonly requestId?: string;
  /** Whether to remove graphql-js' "Did you mean", by which clients could guess the schema. */
  readonly hidesSuggestions?: boolean;
}

/**
 * Converts thrown errors to the errors that clients receive, for HTTP and WebSockets alike. `extensions.code` is one of
 * `ERROR_CODES`, or one of the two codes with which the persisted query protocol asks for the query itself.
 *
 * Errors that a client cannot have caused are logged whole. For an unknown error, only the code and the request id are sent.
 * A cause that several errors share, such as a failed batch, is logged once.
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

/** `presentErrors` for a single error. */
export function presentError(error: unknown, scope: ErrorScope): GraphQLFormattedError {
  return presentErrors([error], scope)[0]!;
}

/** Suggestions are shown to callers who may query the schema, except in production. */
export function hidesSuggestions({
  environment,
  introspection,
}: Pick<Config, 'environment' | 'introspection'>): boolean {
  return environment === 'production' || !introspection;
}

/** The code that clients are told of anything that was thrown. */
export function codeOf(error: unknown): string {
  return explain(error).code;
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

/** The variable at fault, or the path of its invalid part, which graphql-js gives only in its message. */
function findField(message: string): string | undefined {
  const [, name, path] = INPUT_AT_FAULT.exec(message) ?? [];
  return path ?? name;
}

const INPUT_AT_FAULT = /^Variable "\$(\w+)" (?:of (?:non-null|required) type |got invalid value (?:.* at "([^"]+)")?)/s;

/** The error that a resolver threw, without the wrappers of graphql-js and Apollo. */
export function findCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) cause = cause.originalError;
  return cause;
}

/** The code of an error that may be shown to clients; `undefined` for any other error. */
function findCode(error: GraphQLError): Explanation['code'] | undefined {
  const { code } = error.extensions;
  if (code === undefined) return isAboutTheRequest(error) ? 'BAD_USER_INPUT' : undefined;
  if (typeof code !== 'string' || code === 'INTERNAL_SERVER_ERROR') return undefined;
  return CODES.get(code);
}

/** Maps the codes of libraries to ours. */
const CODES = new Map<string, Explanation['code']>([
  ...ERROR_CODES.map((code) => [code, code] as const),
  ['GRAPHQL_PARSE_FAILED', 'BAD_USER_INPUT'],
  ['GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT'],
  ['OPERATION_RESOLUTION_FAILURE', 'BAD_USER_INPUT'],
  ['BAD_REQUEST', 'BAD_USER_INPUT'],
  ['UNAUTHORIZED', 'FORBIDDEN'],
  // The protocol's clients expect exactly these codes before they send the whole query.
  ['PERSISTED_QUERY_NOT_FOUND', 'PERSISTED_QUERY_NOT_FOUND'],
  ['PERSISTED_QUERY_NOT_SUPPORTED', 'PERSISTED_QUERY_NOT_SUPPORTED'],
]);

/**
 * Whether graphql-js rejects the request: the document or its variables, in which case the error has no path, or one argument
 * of a field. Other errors without a code are the server's fault.
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

/** graphql-js always puts the suggestion last, for fields, arguments, types and enum values alike. */
const SUGGESTION = / ?Did you mean .*\?$/s;

function logFailure(code: Explanation['code'], error: unknown, cause: unknown, logger: Logger): void {
  const path = error instanceof GraphQLError ? error.path?.join('.') : undefined;
  if (code === 'INTERNAL_SERVER_ERROR') logger.error({ err: cause, path }, 'unexpected error');
  if (code === 'UNAVAILABLE') logger.warn({ err: cause, path }, 'something we depend on is unavailable');
}
