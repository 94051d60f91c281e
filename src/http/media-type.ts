import Negotiator from 'negotiator';
import { GRAPHQL_RESPONSE, PLAIN_JSON } from './http-response.ts';

/** What most clients send: parsing it takes longer than finding it here. */
const ANY_OR_PLAIN = ['application/json', '*/*', ''];

/** The media type to answer with, by the request's `Accept`; `null` when it takes neither of the two. */
export function chooseMediaType(accept: string | undefined): typeof PLAIN_JSON | typeof GRAPHQL_RESPONSE | null {
  if (accept === undefined || ANY_OR_PLAIN.includes(accept)) return PLAIN_JSON;
  const chosen = new Negotiator({ headers: { accept } }).mediaType([PLAIN_JSON, GRAPHQL_RESPONSE]);
  return (chosen as typeof PLAIN_JSON | typeof GRAPHQL_RESPONSE | undefined) ?? null;
}
