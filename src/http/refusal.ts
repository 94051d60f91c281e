import type { Logger } from 'pino';
import { type ErrorCode, StationmasterError } from '../errors.ts';
import { presentError } from '../graphql/errors.ts';
import { type HttpResponse, PLAIN_JSON } from './http-response.ts';
import { chooseMediaType } from './media-type.ts';

/** A request that HTTP itself refuses: for its method, media type or size. */
export class HttpRefusal extends StationmasterError {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(statusCode: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super('BAD_USER_INPUT', message);
    this.statusCode = statusCode;
    this.headers = headers;
  }
}

/** The HTTP status of a request that is refused before anything is executed. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  NOT_FOUND: 404,
  CONFLICT: 409,
  STALE_VERSION: 409,
  RATE_LIMITED: 429,
  PERSISTED_QUERY_NOT_IN_LIST: 403,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
};

/** The request as the log shows it. */
export interface RefusedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly accept?: string | undefined };
}

/** The response to a request for which nothing was executed, in GraphQL's shape and media type. Leaves a line in the log. */
export function refuseRequest(
  error: unknown,
  { requestId, method, path, headers: { accept } }: RefusedRequest,
  logger: Logger,
): HttpResponse {
  const requestLogger = logger.child({ requestId });
  const formatted = presentError(error, { logger: requestLogger, requestId });
  const code = formatted.extensions?.code as ErrorCode;
  const status = error instanceof HttpRefusal ? error.statusCode : HTTP_STATUS[code];
  requestLogger.info({ method, path, statusCode: status, code }, 'request refused');
  return {
    status,
    contentType: chooseMediaType(accept) ?? PLAIN_JSON,
    headers: headersFor(error, code),
    body: JSON.stringify({ errors: [formatted] }),
  };
}

function headersFor(error: unknown, code: ErrorCode): HttpResponse['headers'] {
  if (error instanceof HttpRefusal) return error.headers;
  if (code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer' };
  const retryAfter = error instanceof StationmasterError ? error.retryAfterSeconds : undefined;
  return retryAfter === undefined ? null : { 'retry-after': String(retryAfter) };
}
