import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { type DocumentNode, getOperationAST, Kind, parse, type SelectionSetNode } from 'graphql';
import Negotiator from 'negotiator';
import { GRAPHQL_RESPONSE, PLAIN_JSON } from './http-response.ts';
import { chooseMediaType } from './media-type.ts';
import type { OriginRules } from './origins.ts';
import { HttpRefusal } from './refusal.ts';
import { chooseStreamFormat } from './streams/stream-format.ts';

/*
 * What the GraphQL-over-HTTP specification (https://graphql.github.io/graphql-over-http/draft/) asks for before an
 * operation is looked at: a request that cannot be answered must not be executed.
 */

const METHODS: readonly string[] = ['GET', 'POST'];

/** Answers 405 to every method but those. Preflight requests are answered before they get here. */
export function refuseOtherMethods(server: FastifyInstance, url: string, methods = METHODS): void {
  const others = server.supportedMethods.filter((method) => !methods.includes(method) && method !== 'OPTIONS');
  server.route({
    method: others as HTTPMethods[],
    url,
    onRequest: async ({ method }) => {
      const message = `Ask with ${methods.join(' or ')}, not with ${method}.`;
      throw new HttpRefusal(405, message, { allow: methods.join(', ') });
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

/** Whether a browser asks for a page at the address of the API: it likes HTML best. Apollo Server decides in the same way. */
export function wantsPage({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): boolean {
  if (method !== 'GET' || headers.accept?.includes(PAGE) !== true) return false;
  const { accept } = headers;
  return new Negotiator({ headers: { accept } }).mediaType([PLAIN_JSON, GRAPHQL_RESPONSE, PARTS, PAGE]) === PAGE;
}

const PAGE = 'text/html';
const PARTS = 'multipart/mixed';

/**
 * The checks that come first, before any lookup in a cache.
 * @throws {HttpRefusal} 406 for an `Accept` that no response satisfies, 400 for a GET that any web page could have sent
 */
export function checkHttpRequest({ headers, method, url }: RequestHead, mayRead: OriginRules['mayRead']): void {
  const isStreamed = chooseStreamFormat(headers.accept) !== null;
  if (chooseMediaType(headers.accept) === null && !isStreamed) {
    throw new HttpRefusal(
      406,
      'Answers come as application/json, application/graphql-response+json or text/event-stream only.',
    );
  }
  if (method !== 'GET' || isUnforgeable(headers, mayRead)) return;
  // A stream would let another site's page occupy the server.
  if (isStreamed || !reachesNoResolver(new URLSearchParams(url.slice(url.indexOf('?'))))) {
    throw new HttpRefusal(
      400,
      'Any web page could have made its visitors send this request. Send it with a header that pages must ask leave for ' +
        `first: ${PREFLIGHT_HEADERS.join(', ')}, or content-type: application/json.`,
    );
  }
}

const PREFLIGHT_HEADERS = [
  'authorization',
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-apollo-operation-name',
] as const;

/**
 * Whether another site's page cannot have made a browser send the request: browsers ask the server first (CORS), or say
 * themselves that the page is of the same origin, or of one whose pages may read responses. `Sec-Fetch-Site: none` is no
 * proof: links in mails look like that.
 */
export function isUnforgeable(headers: IncomingHttpHeaders, mayRead: OriginRules['mayRead']): boolean {
  if (PREFLIGHT_HEADERS.some((name) => headers[name])) return true;
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  if (/^\s*application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) return true;
  return headers.origin !== undefined && mayRead(headers.origin);
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
  const operation = document && getOperationAST(document, parameters.get('operationName') || null);
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
