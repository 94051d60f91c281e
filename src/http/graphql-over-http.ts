import type { ApolloServerPlugin } from '@apollo/server';
import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify';
import { type DocumentNode, getOperationAST, Kind, parse, type SelectionSetNode } from 'graphql';
import Negotiator from 'negotiator';
import type { Context } from '../graphql/context.ts';
import { HttpRefusal } from './http-refusal.ts';

/*
 * What the GraphQL-over-HTTP specification (https://graphql.github.io/graphql-over-http/draft/) asks for beyond what
 * Apollo Server does by itself, or asks for earlier: a request that cannot be answered must not be executed first.
 */

export const PLAIN_JSON = 'application/json; charset=utf-8';
export const GRAPHQL_RESPONSE = 'application/graphql-response+json; charset=utf-8';

const METHODS: readonly string[] = ['GET', 'POST'];

/** What most clients send; reading it takes longer than finding it here. */
const ANY_OR_PLAIN = ['application/json', '*/*', ''];

/** The media type to answer with, by the request's `Accept`; `null` when it takes neither of the two. */
export function chooseMediaType(accept: string | undefined): typeof PLAIN_JSON | typeof GRAPHQL_RESPONSE | null {
  if (accept === undefined || ANY_OR_PLAIN.includes(accept)) return PLAIN_JSON;
  const chosen = new Negotiator({ headers: { accept } }).mediaType([PLAIN_JSON, GRAPHQL_RESPONSE]);
  return (chosen as typeof PLAIN_JSON | typeof GRAPHQL_RESPONSE | undefined) ?? null;
}

/** Answers 405 to every method that GraphQL has no use for. Preflight requests are answered before they get here. */
export function refuseOtherMethods(server: FastifyInstance, url: string): void {
  const others = server.supportedMethods.filter((method) => !METHODS.includes(method) && method !== 'OPTIONS');
  server.route({
    method: others as HTTPMethods[],
    url,
    onRequest: async ({ method }) => {
      throw new HttpRefusal(405, `GraphQL is asked with GET or POST, not with ${method}.`, {
        headers: { allow: METHODS.join(', ') },
      });
    },
    handler: () => {},
  });
}

/**
 * The checks that come before everything else, even before a look into a cache.
 * @param showsPage whether browsers that ask for HTML are shown Apollo Sandbox
 * @throws {HttpRefusal} 406 for an `Accept` that no answer could satisfy, 400 for a GET that any web page could have sent
 */
export function checkHttpRequest(request: FastifyRequest, { showsPage }: { showsPage: boolean }): void {
  const { headers, method } = request;
  const wantsPage = showsPage && method === 'GET' && headers.accept?.includes('text/html') === true;
  if (wantsPage) return;
  if (chooseMediaType(headers.accept) === null) {
    throw new HttpRefusal(406, 'Answers come as application/json or application/graphql-response+json only.');
  }
  if (method !== 'GET' || isPreflighted(headers)) return;
  if (!reachesNoResolver(new URLSearchParams(request.url.slice(request.url.indexOf('?'))))) {
    throw new HttpRefusal(
      400,
      'Any web page could have made its visitors send this request. Send it with a header that pages must ask ' +
        'leave for first: apollo-require-preflight, x-apollo-operation-name, or content-type: application/json.',
    );
  }
  // Apollo Server checks again, and knows nothing of this exception.
  headers['apollo-require-preflight'] = 'not needed';
}

const PREFLIGHT_HEADERS = ['apollo-require-preflight', 'x-apollo-operation-name'];

/** Whether a browser asks our leave (CORS) before it lets another site's page send such a request. */
function isPreflighted(headers: FastifyRequest['headers']): boolean {
  if (PREFLIGHT_HEADERS.some((name) => headers[name] !== undefined && headers[name] !== '')) return true;
  return /^\s*application\/json\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** Enough for `query ($name: String!) { __type(name: $name) { … } }` and no work to speak of. */
const HARMLESS_LENGTH = 2000;

/**
 * Whether a GET asks for nothing but what is public anyway: the schema, as far as it may be asked for. So clients and
 * auditors that know nothing of preflights can find out that GraphQL is spoken here. What is no query is let through
 * too: it is refused for that.
 */
function reachesNoResolver(parameters: URLSearchParams): boolean {
  const query = parameters.get('query');
  if (query === null || query.length > HARMLESS_LENGTH || parameters.has('extensions')) return false;
  const document = parseIfPossible(query);
  const operation = document && getOperationAST(document, parameters.get('operationName'));
  return operation != null && (operation.operation !== 'query' || selectsMetaFieldsOnly(operation.selectionSet));
}

function parseIfPossible(query: string): DocumentNode | null {
  try {
    return parse(query, { noLocation: true, maxTokens: HARMLESS_LENGTH });
  } catch {
    return null;
  }
}

function selectsMetaFieldsOnly({ selections }: SelectionSetNode): boolean {
  return selections.every((selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'));
}

/**
 * In `application/json` a well-formed GraphQL request is answered with 200, whatever GraphQL thinks of it: proxies that
 * know nothing of GraphQL send errors in that type, and only the status tells them apart.
 */
export const statusByMediaType: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async willSendResponse({ request, response, source }) {
        const isWellFormed = source !== undefined;
        if (!isWellFormed || response.http.status !== 400) return;
        if (chooseMediaType(request.http?.headers.get('accept')) === PLAIN_JSON) response.http.status = 200;
      },
    };
  },
};
