import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { type DocumentNode, getOperationAST, Kind, parse, type SelectionSetNode } from 'graphql';
import Negotiator from 'negotiator';
import { GRAPHQL_RESPONSE, PLAIN_JSON } from './http-response.ts';
import { HttpRefusal } from './refusal.ts';

/*
 * What the GraphQL-over-HTTP specification (https://graphql.github.io/graphql-over-http/draft/) asks for before an
 * operation is looked at: a request that cannot be answered must not be executed.
 */

const METHODS: readonly string[] = ['GET', 'POST'];

/** What most clients send: parsing it takes longer than finding it here. */
const ANY_OR_PLAIN = ['application/json', '*/*', ''];

/** The media type to answer with, by the request's `Accept`; `null` when it takes neither of the two. */
export function chooseMediaType(accept: string | undefined): typeof PLAIN_JSON | typeof GRAPHQL_RESPONSE | null {
  if (accept === undefined || ANY_OR_PLAIN.includes(accept)) return PLAIN_JSON;
  const chosen = new Negotiator({ headers: { accept } }).mediaType([PLAIN_JSON, GRAPHQL_RESPONSE]);
  return (chosen as typeof PLAIN_JSON | typeof GRAPHQL_RESPONSE | undefined) ?? null;
}

/** Answers 405 to every method but GET and POST. Preflight requests are answered before they get here. */
export function refuseOtherMethods(server: FastifyInstance, url: string): void {
  const others = server.supportedMethods.filter((method) => !METHODS.includes(method) && method !== 'OPTIONS');
  server.route({
    method: others as HTTPMethods[],
    url,
    onRequest: async ({ method }) => {
      throw new HttpRefusal(405, `GraphQL is asked with GET or POST, not with ${method}.`, {
        allow: METHODS.join(', '),
      });
    },
    handler: () => {},
  });
}

/** The head of a request, as far as these checks go. */
interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** Whether a browser asks for a page at the address of the API. */
export function wantsPage({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}

/**
 * The checks that come first, before any lookup in a cache.
 * @throws {HttpRefusal} 406 for an `Accept` that no response satisfies, 400 for a GET that any web page could have sent
 */
export function checkHttpRequest({ headers, method, url }: RequestHead): void {
  if (chooseMediaType(headers.accept) === null) {
    throw new HttpRefusal(406, 'Answers come as application/json or application/graphql-response+json only.');
  }
  if (method !== 'GET' || isPreflighted(headers)) return;
  if (!reachesNoResolver(new URLSearchParams(url.slice(url.indexOf('?'))))) {
    throw new HttpRefusal(
      400,
      'Any web page could have made its visitors send this request. Send it with a header that pages must ask ' +
        'leave for first: apollo-require-preflight, x-apollo-operation-name, or content-type: application/json.',
    );
  }
}

const PREFLIGHT_HEADERS = ['apollo-require-preflight', 'x-apollo-operation-name'];

/** Whether browsers ask the server first (CORS) before another site's page may send such a request. */
export function isPreflighted(headers: IncomingHttpHeaders): boolean {
  if (PREFLIGHT_HEADERS.some((name) => headers[name] !== undefined && headers[name] !== '')) return true;
  return /^\s*application\/json\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** Enough for `query ($name: String!) { __type(name: $name) { … } }`, and cheap to parse. */
const HARMLESS_LENGTH = 2000;

/**
 * Whether a GET asks only for what is public: the schema, as far as introspection is on. So clients and auditors that know
 * nothing of preflights can detect a GraphQL server. Operations other than queries pass too: a GET of one is refused.
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
