import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Operations } from '../operations/operations.ts';
import {
  GRAPHQL_PATH,
  type GraphqlHandler,
  GraphqlHttpRequest,
  type GraphqlHttpSettings,
  responseTo,
} from './graphql-handler.ts';
import { checkHttpRequest, refuseOtherMethods, wantsPage } from './graphql-over-http.ts';
import type { HttpResponse } from './http-response.ts';
import { chooseMediaType } from './media-type.ts';
import { refuseRequest } from './refusal.ts';
import type { ResultStreams } from './streams/result-streams.ts';
import { chooseStreamFormat, type StreamFormat } from './streams/stream-format.ts';

export interface GraphqlRouteParts {
  readonly answer: Operations['answer'];
  readonly handle: GraphqlHandler;
  readonly logger: Logger;
  readonly settings: GraphqlHttpSettings;
  readonly streams: ResultStreams;
}

/** `POST` and `GET /graphql`. */
export function registerGraphqlRoute(server: FastifyInstance, parts: GraphqlRouteParts): void {
  const { handle, settings } = parts;
  refuseOtherMethods(server, GRAPHQL_PATH);
  server.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    onRequest: async (request) => {
      if (!(settings.showsPage && wantsPage(request))) checkHttpRequest(request, settings.mayRead);
    },
    handler: async (request, reply) => {
      const asked = toGraphqlRequest(request, settings);
      const format = chooseStreamFormat(request.headers.accept);
      return format ? sendStream(asked, format, reply, parts) : sendResponse(await handle(asked), reply);
    },
  });
}

function toGraphqlRequest({ id, method, url, headers, body, raw }: FastifyRequest, settings: GraphqlHttpSettings) {
  const start = url.indexOf('?');
  const search = start === -1 ? '' : url.slice(start);
  const text = typeof body === 'string' ? body : '';
  return new GraphqlHttpRequest({ requestId: id, method, search, text, headers, socket: raw.socket }, settings);
}

/** Sends the results of an operation as a stream. What is refused before anything is executed is a response as usual. */
async function sendStream(
  request: GraphqlHttpRequest,
  format: StreamFormat,
  reply: FastifyReply,
  { answer, logger, streams }: GraphqlRouteParts,
): Promise<FastifyReply> {
  try {
    const outcome = await answer(request);
    const headers = reply.getHeaders() as Record<string, string>;
    const lastEventId = request.headers['last-event-id']?.toString();
    const target = { response: reply.raw, format, headers, lastEventId };
    if (outcome.kind !== 'response') streams.start(outcome, target);
    else if (format.prefersJson && chooseMediaType(request.headers.accept) !== null) {
      return sendResponse(responseTo(outcome, request), reply);
    } else streams.sendAnswer(outcome, target);
    return reply.hijack();
  } catch (error) {
    return sendResponse(refuseRequest(error, request, logger), reply);
  }
}

export function sendResponse({ status, contentType, headers, body }: HttpResponse, reply: FastifyReply): FastifyReply {
  if (headers) reply.headers(headers);
  return reply
    .code(status)
    .header('content-type', contentType)
    .send(status === 304 ? undefined : body);
}
