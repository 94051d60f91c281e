export const PLAIN_JSON = 'application/json; charset=utf-8';
export const GRAPHQL_RESPONSE = 'application/graphql-response+json; charset=utf-8';

/** A response, as the fast path and Fastify send it. */
export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  /** By name in small letters, beyond those of `ResponseHeaders` or in their place; `null`: none. */
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string | Buffer;
}
