import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Identity } from '../auth/identity.ts';
import { GRAPHQL_PATH } from './graphql-route.ts';
import type { RequestObserver } from './request-log.ts';
import { type KeptResponse, MAX_KEY_LENGTH, type ResponseCache } from './response-cache.ts';

export interface FastLaneParts {
  readonly responses: ResponseCache;
  /** Who is asking, where that can be told at once; `null` otherwise. */
  readonly known: (authorization: string | undefined) => Identity | null;
  /** Counts a request against its sender's rate limit, and says whether it may be answered now. */
  readonly mayAsk: (identity: Identity, request: IncomingMessage) => boolean;
  /** Whether the lane is open: it writes no log, and does not know how to say goodbye to a client. */
  readonly isOpen: () => boolean;
  /** The headers for a page of that origin, or for no page; `undefined` for an origin that is not allowed. */
  readonly headersFor: (origin: string | undefined) => readonly string[] | undefined;
  readonly metrics: RequestObserver;
}

/**
 * Stands before the server's other listener and answers what can be answered without it: a POST, by a known sender, of
 * exactly a request whose answer is kept. Anything else is passed on as if nobody had looked.
 *
 * Routing, hooks and the making of a reply cost about as much again as all of Node's part in sending a kept answer.
 */
export function openFastLane(parts: FastLaneParts, next: RequestListener): RequestListener {
  return (request, response) => {
    const length = expectedLength(request);
    const headers = length > 0 && parts.isOpen() ? parts.headersFor(request.headers.origin) : undefined;
    if (!headers) return next(request, response);

    const startedAtMs = performance.now();
    peekBody(request, length, (body) => {
      const kept = findKept(request, body, parts);
      if (!kept) {
        request.unshift(body);
        next(request, response);
        return;
      }
      send(kept, response, [...headers, 'x-request-id', requestIdOf(request)]);
      const durationSeconds = (performance.now() - startedAtMs) / 1000;
      parts.metrics.observeRequest({ type: 'query', outcome: 'hit', durationSeconds });
    });
  };
}

/**
 * Authorization comes first, and counts from the moment that the request is there as a whole. Who asks too often is
 * refused behind this lane; what is not kept is counted there as well.
 */
function findKept(request: IncomingMessage, body: Buffer, { known, mayAsk, responses }: FastLaneParts) {
  const { headers } = request;
  const identity = known(headers.authorization);
  const key = identity && responses.keyOf(identity, headers.accept, `POST ${body.toString()}`);
  const kept = key === null ? undefined : responses.get(key);
  return kept && mayAsk(identity!, request) ? kept : undefined;
}

/** The length of the body of a request that is plain enough for this lane; 0 of any other. */
function expectedLength({ headers, method, url }: IncomingMessage): number {
  if (method !== 'POST' || url !== GRAPHQL_PATH || headers['content-type'] !== 'application/json') return 0;
  if (headers['content-encoding'] !== undefined || headers['x-cache-debug'] !== undefined) return 0;
  const length = Number(headers['content-length']);
  return length <= MAX_KEY_LENGTH ? length : 0;
}

/** Calls back with the whole body, and leaves the request to be read on from there. */
function peekBody(request: IncomingMessage, length: number, done: (body: Buffer) => void): void {
  let chunks: Buffer | undefined;
  const onData = (chunk: Buffer) => {
    chunks = chunks ? Buffer.concat([chunks, chunk]) : chunk;
    if (chunks.length < length) return;
    request.off('data', onData);
    request.pause();
    done(chunks);
  };
  request.on('data', onData);
}

function send({ body, contentType }: KeptResponse, response: ServerResponse, headers: string[]): void {
  headers.push('content-type', contentType, 'content-length', String(body.length));
  response.writeHead(200, headers);
  response.end(body);
}

/** An id that could not be mistaken for anything else in a log; the client's own where it has one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
