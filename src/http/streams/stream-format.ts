import type { GraphQLFormattedError } from 'graphql';
import Negotiator from 'negotiator';
import { GRAPHQL_RESPONSE, PLAIN_JSON } from '../http-response.ts';

/** How the results of one operation follow each other in the body of an HTTP response. */
export interface StreamFormat {
  readonly contentType: string;
  /** Whether an operation with one result is answered with JSON where the client accepts that too. */
  readonly prefersJson: boolean;
  /** Sent before the first result. */
  readonly opening: string;
  /** @param id what the client sends as `Last-Event-ID` when it connects again, where the format has it */
  next(payload: string, id?: string): string;
  /** Sent when there was nothing to send for a while. */
  readonly keepAlive: string;
  /** Sent after the last result. */
  readonly complete: string;
  /** Sent when the server ends the stream before its last result. */
  interrupted(error: GraphQLFormattedError): string;
}

const EVENT_STREAM_TYPE = 'text/event-stream';

/** The "distinct connections mode" of GraphQL over SSE. A client connects again when a stream ends without `complete`. */
const EVENT_STREAM: StreamFormat = {
  contentType: `${EVENT_STREAM_TYPE}; charset=utf-8`,
  prefersJson: false,
  opening: ':\n\n',
  next: (payload, id) => `${id === undefined ? '' : `id: ${id}\n`}event: next\ndata: ${payload}\n\n`,
  keepAlive: ':\n\n',
  // Browsers drop an event without data.
  complete: 'event: complete\ndata:\n\n',
  interrupted: () => '',
};

/**
 * Apollo's multipart subscriptions. The boundary follows each part at once, because clients wait for it.
 * https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
 */
const MULTIPART: StreamFormat = {
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
  prefersJson: true,
  opening: '--graphql',
  next: (payload) => partOf(`{"payload":${payload}}`),
  keepAlive: partOf('{}'),
  complete: '--\r\n',
  interrupted: (error) => `${partOf(JSON.stringify({ payload: null, errors: [error] }))}--\r\n`,
};

function partOf(json: string): string {
  return `\r\nContent-Type: application/json\r\n\r\n${json}\r\n--graphql`;
}

const SUBSCRIPTION_SPEC = /multipart\/mixed[^,]*;\s*subscriptionSpec=/i;

/** The format in which a client wants the results, by its `Accept`; `null`: as one response. */
export function chooseStreamFormat(accept: string | undefined): StreamFormat | null {
  if (accept === undefined) return null;
  if (accept.includes(EVENT_STREAM_TYPE)) {
    const types = [PLAIN_JSON, GRAPHQL_RESPONSE, EVENT_STREAM_TYPE];
    if (new Negotiator({ headers: { accept } }).mediaType(types) === EVENT_STREAM_TYPE) return EVENT_STREAM;
  }
  return accept.includes('multipart/mixed') && SUBSCRIPTION_SPEC.test(accept) ? MULTIPART : null;
}
