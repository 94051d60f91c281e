import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GRAPHQL_PATH, type GraphqlHandler, GraphqlHttpRequest, type GraphqlHttpSettings } from './graphql-handler.ts';
import { checkHttpRequest, refuseOtherMethods, wantsPage } from './graphql-over-http.ts';
import type { HttpResponse } from './http-response.ts';

/** `POST` and `GET /graphql`. */
export function registerGraphqlRoute(
  server: FastifyInstance,
  handle: GraphqlHandler,
  settings: GraphqlHttpSettings,
): void {
  refuseOtherMethods(server, GRAPHQL_PATH);
  server.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    onRequest: async (request) => {
      if (!(settings.showsPage && wantsPage(request))) checkHttpRequest(request);
    },
    handler: async (request, reply) => sendResponse(await handle(toGraphqlRequest(request, settings)), reply),
  });
}

function toGraphqlRequest({ id, method, url, headers, body, raw }: FastifyRequest, settings: GraphqlHttpSettings) {
  const start = url.indexOf('?');
  const search = start === -1 ? '' : url.slice(start);
  const text = typeof body === 'string' ? body : '';
  return new GraphqlHttpRequest({ requestId: id, method, search, text, headers, socket: raw.socket }, settings);
}

export function sendResponse({ status, contentType, headers, body }: HttpResponse, reply: FastifyReply): FastifyReply {
  if (headers) reply.headers(headers);
  return reply
    .code(status)
    .header('content-type', contentType)
    .send(status === 304 ? undefined : body);
}
