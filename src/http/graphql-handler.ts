import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { Caller } from '../operations/caller.ts';
import { type Coding, compressFast, MIN_COMPRESSED_BYTES } from '../operations/content-coding.ts';
import type { Answer, AskedOperation, HttpRequestHead, OperationRequest, Outcome } from '../operations/operation.ts';
import type { Operations } from '../operations/operations.ts';
import { CachedResponse, strongEtag } from '../operations/response-cache.ts';
import { CODING_HEADERS, chooseCoding } from './accept-encoding.ts';
import type { AddressReader, RequestSource } from './client-address.ts';
import { isNamed } from './etags.ts';
import { isUnforgeable, wantsPage } from './graphql-over-http.ts';
import { reusableHeaders, STALE_HEADERS } from './headers.ts';
import { GRAPHQL_RESPONSE, type HttpResponse, PLAIN_JSON } from './http-response.ts';
import { parseJsonBody } from './json-bodies.ts';
import { chooseMediaType } from './media-type.ts';
import type { OriginRules } from './origins.ts';
import { refuseRequest } from './refusal.ts';
import { chooseStreamFormat } from './streams/stream-format.ts';

/** Where GraphQL is served. */
export const GRAPHQL_PATH = '/graphql';

/**
 * Answers a request to `/graphql`, for the fast path and for Fastify. A cached response comes at once, everything else as a
 * promise. It never throws or rejects: what is refused is a response as well.
 */
export type GraphqlHandler = (request: GraphqlHttpRequest) => HttpResponse | Promise<HttpResponse>;

export function createGraphqlHandler({ answer }: Pick<Operations, 'answer'>, logger: Logger): GraphqlHandler {
  return (request) => {
    const respond = (outcome: Outcome) => responseTo(outcome as Answer, request);
    const refuse = (error: unknown) => refuseRequest(error, request, logger);
    try {
      const outcome = answer(request);
      return outcome instanceof Promise ? outcome.then(respond).catch(refuse) : respond(outcome);
    } catch (error) {
      return refuse(error);
    }
  };
}

export interface ReceivedRequest extends RequestSource {
  readonly requestId: string;
  readonly method: string;
  /** The query string, with its question mark; empty without one. */
  readonly search: string;
  /** The body as text; empty without one. */
  readonly text: string;
}

/** A request to `/graphql`, as an operation. */
export class GraphqlHttpRequest implements OperationRequest, Caller {
  readonly requestId: string;
  readonly method: string;
  readonly path = GRAPHQL_PATH;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly search: string;
  readonly identity = null;
  readonly #source: RequestSource;
  readonly #settings: GraphqlHttpSettings;
  #body: unknown;

  constructor(received: ReceivedRequest, settings: GraphqlHttpSettings) {
    this.requestId = received.requestId;
    this.method = received.method;
    this.headers = received.headers;
    this.text = received.text;
    this.search = received.search;
    this.#source = received;
    this.#settings = settings;
  }

  get caller(): Caller {
    return this;
  }

  get authorization(): string | undefined {
    return this.headers.authorization;
  }

  get address(): string {
    return this.#settings.addressOf(this.#source);
  }

  get cacheText(): string | null {
    if (this.method === 'POST') return `JSON ${this.text}`;
    return isUnforgeable(this.headers, this.#settings.mayRead) && !this.wantsPage ? `GET ${this.search}` : null;
  }

  get traceCarrier(): IncomingHttpHeaders {
    return this.headers;
  }

  get readAfter(): string | null {
    const position = this.headers['x-read-after'];
    // Several headers are one text, which is no position.
    return position === undefined ? null : String(position);
  }

  get acceptsSubscriptions(): boolean {
    return chooseStreamFormat(this.headers.accept) !== null;
  }

  get wantsReport(): boolean {
    return this.headers['x-cache-debug'] !== undefined;
  }

  /** The coding that the client takes and prefers; `null`: none. */
  get coding(): Coding | null {
    return this.#settings.compresses ? chooseCoding(this.headers['accept-encoding']) : null;
  }

  get wantsPage(): boolean {
    return this.method === 'GET' && this.#settings.showsPage && wantsPage(this);
  }

  get http(): HttpRequestHead {
    return { method: this.method, headers: this.headers, search: this.search, body: this.#body };
  }

  read(): AskedOperation | null {
    if (this.method === 'POST') {
      this.#body = parseJsonBody(this.text);
      return asOperation(this.#body);
    }
    return readSearch(this.search);
  }
}

export interface GraphqlHttpSettings {
  readonly addressOf: AddressReader;
  /** Whether browsers are shown Apollo Sandbox. */
  readonly showsPage: boolean;
  /** Whether responses are compressed for clients that take it. */
  readonly compresses: boolean;
  /** Whether pages of an origin may read responses. */
  readonly mayRead: OriginRules['mayRead'];
}

/** The parameters in the body of a POST, or `null` where one is of the wrong type or there is none at all. */
function asOperation(body: unknown): AskedOperation | null {
  if (!isObject(body) || Object.keys(body).length === 0) return null;
  const { query, operationName, variables, extensions } = body as Record<string, unknown>;
  const isOperation =
    (query == null || typeof query === 'string') &&
    (operationName == null || typeof operationName === 'string') &&
    (variables == null || isObject(variables)) &&
    (extensions == null || isObject(extensions));
  return isOperation ? (body as AskedOperation) : null;
}

/** The parameters of a GET, or `null` where one comes twice or is not the JSON that it should be. */
function readSearch(search: string): AskedOperation | null {
  const parameters = new URLSearchParams(search);
  if (PARAMETERS.some((name) => parameters.getAll(name).length > 1)) return null;
  const { variables, extensions, ...others } = Object.fromEntries(
    PARAMETERS.map((name) => [name, parameters.get(name) ?? undefined]),
  );
  return asOperation({
    ...others,
    variables: parseIfPossible(variables),
    extensions: parseIfPossible(extensions),
  });
}

const PARAMETERS = ['query', 'operationName', 'variables', 'extensions', 'documentId', 'doc_id'] as const;

/** Nothing counts as `null`, as in a body. Text that is not JSON stays text, which is not an object either. */
function parseIfPossible(json: string | null | undefined): unknown {
  if (json == null || json === '') return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function responseTo(answer: Answer, request: GraphqlHttpRequest): HttpResponse {
  const coding = answer.body.length > MIN_COMPRESSED_BYTES ? request.coding : null;
  const response = plainResponseTo(answer, request, coding);
  if (coding === null || response.status === 304) return response;
  const body = answer instanceof CachedResponse ? answer.encoded(coding) : compressFast(coding, answer.body);
  const headers = CODING_HEADERS[coding];
  return { ...response, headers: response.headers ? { ...response.headers, ...headers } : headers, body };
}

function plainResponseTo(answer: Answer, request: GraphqlHttpRequest, coding: Coding | null): HttpResponse {
  const { http, isReusable } = answer;
  if (http) return unusualResponse(answer, http, request);
  const { fault, body, isStale } = answer;
  const contentType = chooseMediaType(request.headers.accept) ?? PLAIN_JSON;
  if (isReusable && request.method === 'GET') return reusableResponse(answer, contentType, request, coding);
  const status = fault !== null && contentType === GRAPHQL_RESPONSE ? 400 : 200;
  return { status, contentType, headers: isStale ? STALE_HEADERS : null, body };
}

function unusualResponse(
  { body, fault, isStale }: Answer,
  { status, headers }: NonNullable<Answer['http']>,
  request: GraphqlHttpRequest,
): HttpResponse {
  const { 'content-type': written, ...others } = Object.fromEntries(headers);
  const contentType = written ?? chooseMediaType(request.headers.accept) ?? PLAIN_JSON;
  // In application/json a well-formed request is answered with 200, whatever GraphQL thinks of it.
  const usual = fault !== null && fault !== 'request' && contentType === GRAPHQL_RESPONSE ? 400 : 200;
  return { status: status ?? usual, contentType, headers: { ...others, ...(isStale && STALE_HEADERS) }, body };
}

/** Sends a response that the client may have stored before, or says that it has not changed. */
function reusableResponse(
  answer: Answer,
  contentType: string,
  { headers }: GraphqlHttpRequest,
  coding: Coding | null,
): HttpResponse {
  const ofBody = answer instanceof CachedResponse ? answer.etag : strongEtag(answer.body);
  const etag = coding === null ? ofBody : etagIn(coding, ofBody);
  const isUnchanged = isNamed(etag, headers['if-none-match']);
  return {
    status: isUnchanged ? 304 : 200,
    contentType,
    headers: reusableHeaders(etag),
    body: isUnchanged ? '' : answer.body,
  };
}

/** Weak, because the same response is compressed at two levels. */
function etagIn(coding: Coding, etag: string): string {
  return `W/${etag.slice(0, -1)}-${coding}"`;
}
