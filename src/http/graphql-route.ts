import { Readable } from 'node:stream';
import { type ApolloServer, HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { hasRole, type Identity } from '../auth/identity.ts';
import { ReadTrace } from '../cache/index.ts';
import { type Context, createContext } from '../graphql/context.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { DirectExecution } from '../operations/direct-execution.ts';
import type { QueryGuard } from '../operations/query-limits.ts';
import { reportOperation } from '../operations/request-log.ts';
import { type CachedResponse, type ResponseCache, strongEtag } from '../operations/response-cache.ts';
import type { AskedOperation, TrustedDocuments } from '../operations/trusted-documents.ts';
import type { Admission } from './admission.ts';
import { checkHttpRequest, chooseMediaType, PLAIN_JSON, refuseOtherMethods } from './graphql-over-http.ts';
import { parseJsonBody } from './json-bodies.ts';

export const GRAPHQL_PATH = '/graphql';

export interface GraphqlRouteParts {
  readonly apollo: ApolloServer<Context>;
  readonly direct: DirectExecution;
  /** Requests that were executed directly before, in vain. */
  readonly tried: WeakSet<object>;
  readonly admit: Admission;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly queries: QueryGuard;
  /** `null`: every operation may be asked for. */
  readonly trustedDocuments: TrustedDocuments | null;
  /** Whether browsers are shown Apollo Sandbox. */
  readonly showsPage: boolean;
  /** `null`: every request is executed. */
  readonly responses: ResponseCache | null;
}

/** What a cached answer says of itself to an admin who asks with the header `x-cache-debug`. */
interface CacheReport {
  readonly response: 'hit' | 'miss' | 'none';
  readonly ageSeconds?: number;
  /** The keys of what it was built from. */
  readonly parts: readonly string[];
  readonly reads?: ReadTrace;
}

/** What clients may keep, they must ask about each time: it may change at any moment, and it is theirs alone. */
const KEPT_BY_CLIENTS = 'private, no-cache';

/** `POST` and `GET /graphql`: who asks is decided first, then kept answers are given, and the rest is Apollo's. */
export function registerGraphqlRoute(server: FastifyInstance, parts: GraphqlRouteParts): void {
  const { admit, responses, showsPage } = parts;
  refuseOtherMethods(server, GRAPHQL_PATH);
  server.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    onRequest: async (request) => checkHttpRequest(request, { showsPage }),
    async handler(request, reply) {
      const startedAtMs = performance.now();
      const identity = await admit(request.raw);
      const isDebugged = request.headers['x-cache-debug'] !== undefined && hasRole(identity, 'ADMIN');
      const key = responses ? keyOf(responses, request, identity) : null;
      const asked = { request, identity, startedAtMs, isDebugged, key };
      const kept = key === null ? undefined : responses!.get(key);
      return kept ? giveKept(kept, asked, reply, parts) : execute(asked, reply, parts);
    },
  });
}

interface Asked {
  readonly request: FastifyRequest;
  readonly identity: Identity;
  readonly startedAtMs: number;
  /** Whether the answer is to say what it was made of. */
  readonly isDebugged: boolean;
  /** Where the answer is kept; `null`: nowhere. */
  readonly key: string | null;
}

function giveKept(kept: CachedResponse, asked: Asked, reply: FastifyReply, parts: GraphqlRouteParts): FastifyReply {
  reportKept(kept, asked, parts);
  if (!asked.isDebugged) return sendReusable(kept, asked.request, reply);
  const ageSeconds = parts.responses!.ageSeconds(kept);
  const report: CacheReport = { response: 'hit', ageSeconds, parts: kept.dependency.keys };
  return sendText(withReport(kept.body.toString(), report), kept.contentType, reply);
}

async function execute(asked: Asked, reply: FastifyReply, parts: GraphqlRouteParts): Promise<FastifyReply> {
  const { request, identity } = asked;
  const requestId = request.id;
  const context = createContext({ requestId, identity, logger: parts.logger });
  const body = request.method === 'POST' ? readBody(request, parts.queries, parts.trustedDocuments) : undefined;
  context.answer.isForGraphqlJs = parts.tried.has(request.raw);
  const direct = context.answer.isForGraphqlJs ? null : parts.direct.find(body);
  const text = await direct?.(context);
  if (text != null) {
    if (context.reads.stale > 0) reply.header('cache-control', 'no-store');
    const contentType = chooseMediaType(request.headers.accept) ?? PLAIN_JSON;
    return sendExecuted({ text, contentType }, context, asked, reply, parts);
  }
  const response = await parts.apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: request.method,
      headers: toHeaderMap(request.headers),
      search: parts.trustedDocuments ? listedSearch(request, parts.trustedDocuments) : searchOf(request),
      body,
    },
    context: async () => context,
  });
  if (response.body.kind !== 'complete' || (response.status ?? 200) !== 200) return send(response, reply);
  for (const [name, value] of response.headers) reply.header(name, value);
  const executed = { text: response.body.string, contentType: response.headers.get('content-type')! };
  return sendExecuted(executed, context, asked, reply, parts);
}

function sendExecuted(
  { text, contentType }: { readonly text: string; readonly contentType: string },
  { reads, answer }: Context,
  { request, isDebugged, key }: Asked,
  reply: FastifyReply,
  { responses }: GraphqlRouteParts,
): FastifyReply {
  const isKept = key !== null && answer.isCacheable;
  if (isKept) {
    const body = Buffer.from(text);
    responses!.keep(key, { body, contentType, operationName: answer.operationName }, reads);
  }
  if (isDebugged) {
    const report: CacheReport = { response: isKept ? 'miss' : 'none', parts: reads.keys, reads };
    return sendText(withReport(text, report), contentType, reply);
  }
  if (!answer.isCacheable || reads.stale > 0 || request.method !== 'GET') return sendText(text, contentType, reply);
  return sendReusable({ body: text, contentType, etag: strongEtag(text) }, request, reply);
}

/**
 * Requests that a page of another origin could send without asking first are left to Apollo, which refuses them: a GET
 * must carry one of the headers that only an allowed page can set.
 */
function keyOf(responses: ResponseCache, request: FastifyRequest, identity: Identity): string | null {
  const { headers, method } = request;
  if (method === 'POST') return responses.keyOf(identity, headers.accept, `POST ${request.body}`);
  if (!headers['apollo-require-preflight'] && !headers['x-apollo-operation-name']) return null;
  return responses.keyOf(identity, headers.accept, `GET ${searchOf(request)}`);
}

/** A kept answer was read through the cache as a whole: to the figures it is one hit. */
function reportKept(
  { operationName, dependency }: CachedResponse,
  asked: Asked,
  { logger, metrics }: GraphqlRouteParts,
): void {
  const durationMs = performance.now() - asked.startedAtMs;
  const { identity, isDebugged } = asked;
  if (!isDebugged && !logger.isLevelEnabled('debug')) {
    metrics.observeRequest({ type: 'query', outcome: 'hit', durationSeconds: durationMs / 1000 });
    return;
  }
  const reads = new ReadTrace();
  reads.hits = 1;
  const operation = { name: operationName, type: 'query', durationMs, errors: [] } as const;
  const scope = {
    identity,
    reads,
    logger: logger.child({ requestId: asked.request.id, ...(isDebugged && { parts: dependency.keys }) }),
    logs: () => true,
  };
  reportOperation(operation, scope, metrics, isDebugged ? 'info' : 'debug');
}

function withReport(text: string, cache: CacheReport): string {
  const answer = JSON.parse(text);
  return JSON.stringify({ ...answer, extensions: { ...answer.extensions, cache } });
}

function sendText(text: string, contentType: string, reply: FastifyReply): FastifyReply {
  return reply.header('content-type', contentType).send(text);
}

/** Sends what the client may have already; then, over GET, only that it has not changed. */
function sendReusable(
  answer: { readonly body: Buffer | string; readonly contentType: string; readonly etag: string },
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  reply.header('content-type', answer.contentType);
  if (request.method === 'GET') {
    const { etag } = answer;
    reply.header('etag', etag).header('cache-control', KEPT_BY_CLIENTS);
    reply.header('vary', varyWith(reply, 'Authorization, Accept'));
    if (isNamed(etag, request.headers['if-none-match'])) return reply.code(304).send();
  }
  return reply.send(answer.body);
}

/** RFC 9110, section 13.1.2. Weak forms of the tag count as well. */
function isNamed(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === etag);
}

function varyWith(reply: FastifyReply, names: string): string {
  const before = reply.getHeader('vary');
  return before === undefined ? names : `${before}, ${names}`;
}

function searchOf({ url }: FastifyRequest): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

function readBody(request: FastifyRequest, queries: QueryGuard, trustedDocuments: TrustedDocuments | null): unknown {
  const body = parseJsonBody(request.body);
  // Apollo refuses it, and knows what to say.
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  queries.checkLength((body as AskedOperation).query);
  return trustedDocuments ? trustedDocuments.admit(body) : body;
}

/** The query string of a GET, with the text of the listed operation that it asks for. */
function listedSearch(request: FastifyRequest, trustedDocuments: TrustedDocuments): string {
  const parameters = new URLSearchParams(searchOf(request));
  if (!parameters.has('query') && !parameters.has('extensions')) return searchOf(request);
  const asked = { query: parameters.get('query'), extensions: parseIfPossible(parameters.get('extensions')) };
  parameters.set('query', trustedDocuments.admit(asked).query);
  parameters.delete('extensions');
  return `?${parameters}`;
}

function parseIfPossible(json: string | null): unknown {
  try {
    return JSON.parse(json ?? 'null');
  } catch {
    return undefined;
  }
}

function toHeaderMap(headers: FastifyRequest['headers']): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

function send({ body, headers, status = 200 }: HTTPGraphQLResponse, reply: FastifyReply): FastifyReply {
  for (const [name, value] of headers) reply.header(name, value);
  return reply.code(status).send(body.kind === 'complete' ? body.string : Readable.from(body.asyncIterator));
}
