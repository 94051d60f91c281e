import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';
import { createContext } from './context.ts';
import type { DirectExecution, DirectQuery } from './direct-execution.ts';
import { chooseMediaType } from './graphql-over-http.ts';
import { GRAPHQL_PATH } from './graphql-route.ts';
import type { RequestObserver } from './request-log.ts';
import { MAX_KEY_LENGTH, type ResponseCache } from './response-cache.ts';

export interface FastLaneParts {
  readonly responses: ResponseCache;
  /** What executes the queries that need nothing else; `null` when each has to be looked at by somebody else first. */
  readonly direct: DirectExecution | null;
  /** Who is asking, where that can be told at once; `null` otherwise. */
  readonly known: (authorization: string | undefined) => Identity | null;
  /** Counts a request against its sender's rate limit, and says whether it may be answered now. */
  readonly mayAsk: (identity: Identity, request: IncomingMessage) => boolean;
  /** Requests that have been counted, and are passed on after all. */
  readonly counted: WeakSet<IncomingMessage>;
  /** Whether the lane is open: it does not log requests, nor whom it sends away when the server drains. */
  readonly isOpen: () => boolean;
  /** The headers for a page of that origin, or for no page; `undefined` for an origin that is not allowed. */
  readonly headersFor: (origin: string | undefined) => readonly string[] | undefined;
  readonly logger: Logger;
  readonly metrics: RequestObserver;
}

/**
 * Stands before the server's other listener and answers what can be answered without it: a POST by a known sender, of a
 * request whose answer is kept, or of a query that is compiled. Anything else is passed on as if nobody had looked.
 *
 * Routing, hooks and the making of a reply cost about as much again as all of Node's part in sending a kept answer.
 */
export function openFastLane(parts: FastLaneParts, next: RequestListener): RequestListener {
  return (request, response) => {
    const length = expectedLength(request);
    const headers = length > 0 && parts.isOpen() ? parts.headersFor(request.headers.origin) : undefined;
    if (!headers) return next(request, response);
    peekBody(request, length, (body) => {
      const passOn = () => {
        request.unshift(body);
        next(request, response);
      };
      const asked = recognize(request, body, parts);
      if (!asked) return passOn();
      if (giveKept(asked, response, headers, parts)) return;
      const query = findQuery(asked, parts);
      if (!query || !parts.mayAsk(asked.identity, request)) return passOn();
      execute(query, asked, parts).then(
        (answer) => {
          const farewell = parts.isOpen() ? [] : ['connection', 'close'];
          send(answer, response, [...headers, ...farewell, 'x-request-id', asked.requestId]);
        },
        () => {
          parts.counted.add(request);
          passOn();
        },
      );
    });
  };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly identity: Identity;
  readonly body: Buffer;
  readonly text: string;
  /** Where the answer is kept. */
  readonly key: string;
}

interface Answer {
  readonly body: Buffer;
  readonly contentType: string;
}

/** Authorization comes first, and counts from the moment that the request is there as a whole. */
function recognize(request: IncomingMessage, body: Buffer, { known, responses }: FastLaneParts): Asked | null {
  const { headers } = request;
  const identity = known(headers.authorization);
  if (!identity) return null;
  const text = body.toString();
  const key = responses.keyOf(identity, headers.accept, `POST ${text}`);
  return key === null ? null : { request, requestId: requestIdOf(request), identity, body, text, key };
}

/** Who asks too often is refused behind this lane, where it is counted as well. */
function giveKept(asked: Asked, response: ServerResponse, headers: readonly string[], parts: FastLaneParts): boolean {
  const startedAtMs = performance.now();
  const kept = parts.responses.get(asked.key);
  if (!kept || !parts.mayAsk(asked.identity, asked.request)) return false;
  send(kept, response, [...headers, 'x-request-id', asked.requestId]);
  const durationSeconds = (performance.now() - startedAtMs) / 1000;
  parts.metrics.observeRequest({ type: 'query', outcome: 'hit', durationSeconds });
  return true;
}

function findQuery({ request: { headers }, body, text }: Asked, { direct }: FastLaneParts): DirectQuery | null {
  if (!direct || headers.accept?.includes('text/html') || !isUtf8(body)) return null;
  try {
    return direct.find(JSON.parse(text));
  } catch {
    return null;
  }
}

/** @throws when somebody else has to execute it after all */
async function execute(query: DirectQuery, asked: Asked, { responses, logger }: FastLaneParts): Promise<Answer> {
  const { identity, key, request, requestId } = asked;
  const contentType = chooseMediaType(request.headers.accept);
  const context = createContext({ requestId, identity, logger: logger.child({ requestId }) });
  const text = contentType && (await query(context));
  const { answer, reads } = context;
  // A stale answer has headers of its own.
  if (text === null || reads.stale > 0) throw new Error('This is not for the fast lane.');
  const body = Buffer.from(text);
  if (answer.isReusable)
    responses.keep(key, { body, contentType: contentType!, operationName: answer.operationName }, reads);
  return { body, contentType: contentType! };
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

/** Copying more than this costs as much as it saves. */
const SHORT_BYTES = 4096;

function send({ body, contentType }: Answer, response: ServerResponse, headers: string[]): void {
  headers.push('content-type', contentType, 'content-length', String(body.length));
  response.writeHead(200, headers);
  // As text Node sends it together with the head, in one piece instead of two.
  if (body.length <= SHORT_BYTES) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

/** An id that could not be mistaken for anything else in a log; the client's own where it has one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
