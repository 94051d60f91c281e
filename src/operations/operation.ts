import type { IncomingHttpHeaders } from 'node:http';
import type { GraphQLFormattedError } from 'graphql';
import type { Identity } from '../auth/identity.ts';
import type { Context } from '../graphql/context.ts';
import type { OperationSpan } from '../observability/tracing/operation-span.ts';
import type { TraceCarrier } from '../observability/tracing/traces.ts';
import type { Caller } from './caller.ts';
import type { PreparedOperation, Variables } from './prepared-operations.ts';

/** One operation as a transport received it. */
export interface OperationRequest {
  /** Names the operation in the log and in errors. */
  readonly requestId: string;
  readonly caller: Caller;
  /** Who asks, on a connection that was authenticated when it opened; `null`: `caller` is authenticated. */
  readonly identity: Identity | null;
  /**
   * Everything that the response depends on besides the caller's roles, as text: its response is stored and found by it.
   * `null`: it is neither.
   */
  readonly cacheText: string | null;
  /** Where the client says which trace the operation belongs to. */
  readonly traceCarrier: TraceCarrier;
  /** The position that the answer has to reach, see `Positions`; `null`: none. */
  readonly readAfter: string | null;
  /** Whether the caller asks how the response was made. Only admins are told. */
  readonly wantsReport: boolean;
  /** Whether a browser asks for a page, Apollo Sandbox, in the place of an operation. */
  readonly wantsPage: boolean;
  /** Whether the transport can deliver the events of a subscription, and the answers of a live query. */
  readonly acceptsSubscriptions: boolean;
  /**
   * Decodes what is asked. Called at most once, and only when no cached response can be given.
   * @returns `null` for a request whose parameters are of the wrong types: Apollo Server refuses it
   * @throws {StationmasterError} for a request that cannot be decoded
   */
  read(): AskedOperation | null;
  /** What Apollo Server is told about a request over HTTP. */
  readonly http: HttpRequestHead | null;
}

/** The parameters of a GraphQL request, of the right types, but otherwise as the client sent them. */
export interface AskedOperation {
  readonly query?: string | null | undefined;
  readonly operationName?: string | null | undefined;
  readonly variables?: Variables | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
  /** Names a document in the place of its text, as the specification of persisted documents and Relay's examples do. */
  readonly documentId?: unknown;
  readonly doc_id?: unknown;
}

export interface HttpRequestHead {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The query string, with its question mark; empty without one. */
  readonly search: string;
  /** The JSON value of the body; `undefined` without one. */
  readonly body: unknown;
}

/** The answer to an operation. */
export interface Answer {
  readonly kind: 'response';
  /** The response as JSON, with a line feed at its end. */
  readonly body: string | Buffer;
  /**
   * Why nothing was executed: the request names no document that can be found, the document or the choice of the operation
   * is at fault, or a variable is. `null`: the operation was executed, whatever came of it.
   */
  readonly fault: 'request' | 'document' | 'variables' | null;
  /** As the client sees them. */
  readonly errors: readonly GraphQLFormattedError[];
  /** Whether the same request gets the same response until something in it changes. */
  readonly isReusable: boolean;
  /** Whether a value in it is older than it may be, because the database could not be asked. */
  readonly isStale: boolean;
  /** What the HTTP response has besides the body; `null`: what is usual. */
  readonly http: { readonly status: number | undefined; readonly headers: ReadonlyMap<string, string> } | null;
}

/** A subscription that may start: the transport delivers its events. */
export interface AcceptedSubscription {
  readonly kind: 'subscription';
  readonly operation: PreparedOperation;
  readonly variables: Variables;
  readonly context: Context;
}

/** A live query that may start, see `LiveQueries`. The transport delivers its answers. */
export interface AcceptedLiveQuery extends Omit<AcceptedSubscription, 'kind'> {
  readonly kind: 'live';
  readonly throttleMs: number;
}

export type Outcome = Answer | AcceptedSubscription | AcceptedLiveQuery;

/** An operation whose caller was admitted: identified, and counted against the rate limit. */
export interface AdmittedOperation {
  readonly request: OperationRequest;
  readonly identity: Identity;
  readonly startedAtMs: number;
  /** `null`: it is not traced. */
  readonly trace: OperationSpan | null;
}

/**
 * A step around every operation, on every transport, whether it is answered from the response cache, by a prepared
 * operation or by Apollo Server. Runs after the caller was admitted, the first one outermost.
 *
 * Returns what `next` returns, or something else; `next` returns a cached response at once and everything else as a
 * promise. May refuse the operation by throwing a `StationmasterError`, which the transport sends with its code.
 * Of a subscription and of a live query it sees the start, not what is sent later.
 */
export type OperationMiddleware = (
  operation: AdmittedOperation,
  next: () => Outcome | Promise<Outcome>,
) => Outcome | Promise<Outcome>;

export type OperationStep = (operation: AdmittedOperation) => Outcome | Promise<Outcome>;

/** Puts the middlewares around `last`. Without any it is `last` itself, so that an empty list costs nothing. */
export function compose(middlewares: readonly OperationMiddleware[], last: OperationStep): OperationStep {
  return middlewares.reduceRight<OperationStep>(
    (next, middleware) => (operation) => middleware(operation, () => next(operation)),
    last,
  );
}
