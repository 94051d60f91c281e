import { randomUUID } from 'node:crypto';
import { type ExecutionArgs, GraphQLError, GraphQLSchema, parse } from 'graphql';
import { CloseCode, makeServer, type Server, type ServerOptions, type SubscribePayload } from 'graphql-ws';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { Identity } from '../auth/identity.ts';
import type { Config } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';
import { hidesSuggestions, presentError, presentErrors } from '../graphql/errors.ts';
import type { TraceCarrier } from '../observability/tracing/traces.ts';
import type { Caller } from '../operations/caller.ts';
import type { AcceptedLiveQuery, Answer, AskedOperation, OperationRequest } from '../operations/operation.ts';
import type { Operations } from '../operations/operations.ts';
import { runAt, type Timers } from '../timers.ts';
import type { Participation } from './broadcast.ts';
import type { EventForm, SendQueue } from './send-queue.ts';
import { executionArgsOf, type Subscriptions } from './subscriptions.ts';
import { bytesOf, EventFrames, frameOf } from './text-frames.ts';

export interface SocketProtocolParts {
  readonly config: Pick<Config, 'environment' | 'introspection' | 'sockets'>;
  readonly logger: Logger;
  readonly operations: Pick<Operations, 'answer' | 'admission' | 'schema'>;
  readonly timers: Timers;
  readonly subscriptions: Subscriptions;
}

/** What belongs to a connection. */
export interface Connection extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  /** The address of the peer. Called only where it decides: finding it out takes a system call. */
  readonly address: () => string;
  readonly sendQueue: SendQueue;
  /** Called when the peer has sent `connection_init`, accepted or not. */
  readonly initialized: () => void;
  /** Set once the connection is acknowledged, and so before any operation. */
  identity?: Identity;
}

export type SocketProtocol = Server<Connection>;

type Hooks = ServerOptions<Record<string, unknown>, Connection>;

const TRY_AGAIN_LATER = 1013;

/**
 * The server's side of `graphql-transport-ws`.
 *
 * A connection ends with its credentials: 4401 refuses bad ones, and clients do not retry; 4403 ends a connection whose
 * token has expired or whose key was revoked, and clients reconnect with a new one; 1013 asks to come back when tokens cannot be verified just now.
 *
 * Every operation goes through `answer()`. Queries and mutations are sent as it returns them, past graphql-ws, which would
 * need an object to make JSON of. Subscriptions and live queries that it accepts are started here.
 */
export function createSocketProtocol(parts: SocketProtocolParts): SocketProtocol {
  return makeServer<Record<string, unknown>, Connection>({
    // The WebSocket server enforces this timeout.
    connectionInitWaitTimeout: 0,
    ...connectionHooks(parts),
    ...operationHooks(parts),
  });
}

function connectionHooks({ logger, operations, timers }: SocketProtocolParts): Hooks {
  return {
    async onConnect({ connectionParams, extra }) {
      const { socket } = extra;
      extra.initialized();
      try {
        const authorization = findAuthorization(connectionParams);
        extra.identity = await operations.admission.identify(new SocketCaller(extra, authorization));
      } catch (error) {
        refuseConnection(socket, error, logger);
        return false;
      }
      if (socket.readyState !== socket.OPEN) return false;
      closeWithCredentials(socket, extra.identity, timers);
      return true;
    },
  };
}

/** Apollo Sandbox sends the header name as its user typed it. */
function findAuthorization(connectionParams: Readonly<Record<string, unknown>> = {}): string | undefined {
  const name = Object.keys(connectionParams).find((key) => key.toLowerCase() === 'authorization');
  const authorization = name === undefined ? undefined : (connectionParams[name] ?? undefined);
  if (authorization === undefined || typeof authorization === 'string') return authorization;
  throw new StationmasterError('UNAUTHENTICATED', 'connectionParams.authorization is not a string.');
}

function refuseConnection(socket: WebSocket, error: unknown, logger: Logger): void {
  const { extensions, message } = presentError(error, { logger });
  const code = extensions?.code;
  if (code === 'INTERNAL_SERVER_ERROR') socket.close(CloseCode.InternalServerError, message);
  else if (code === 'UNAVAILABLE' || code === 'RATE_LIMITED') socket.close(TRY_AGAIN_LATER, 'Try again later');
  else socket.close(CloseCode.Unauthorized, message.length <= LONGEST_CLOSE_REASON ? message : 'Unauthorized');
}

/** A close frame has room for 123 bytes, and a character takes up to three. */
const LONGEST_CLOSE_REASON = 41;

function closeWithCredentials(socket: WebSocket, { expiresAtMs, onRevoked }: Identity, timers: Timers): void {
  const close = (reason: string) => () => socket.close(CloseCode.Forbidden, reason);
  if (expiresAtMs !== null) socket.once('close', runAt(expiresAtMs, timers, close('The token has expired.')));
  if (onRevoked) socket.once('close', onRevoked(close('The key has been revoked.')));
}

function operationHooks(parts: SocketProtocolParts): Hooks {
  const { config, logger, operations, subscriptions } = parts;
  const scope = { hidesSuggestions: hidesSuggestions(config) };
  const frames = new EventFrames();
  const refusals = new WeakMap<readonly GraphQLError[], Answer['errors']>();

  const start = async (connection: Connection, payload: SubscribePayload) => {
    const outcome = await operations.answer(new SocketRequest(connection, payload));
    if (outcome.kind === 'subscription') return executionArgsOf(outcome, operations.schema);
    if (outcome.kind === 'live' || outcome.fault === null || outcome.fault === 'variables') return carry(outcome);
    const errors = outcome.errors.map(({ message }) => new GraphQLError(message));
    refusals.set(errors, outcome.errors);
    return errors;
  };

  return {
    async onSubscribe({ extra, subscriptions: running }, _id, payload) {
      const { maxSubscriptions } = config.sockets;
      try {
        if (Object.keys(running).length <= maxSubscriptions) return await start(extra, payload);
        throw new StationmasterError('RATE_LIMITED', `A socket may run ${maxSubscriptions} operations at a time.`);
      } catch (error) {
        return [asGraphqlError(error)];
      }
    },

    // `onOperation` knows more: the socket and the id.
    execute: () => ({}),
    subscribe: async () => ({}),

    async onOperation({ extra, subscriptions: running }, id, _payload, args) {
      const outcome = outcomeIn(args);
      const participation = participate(frames, extra.sendQueue, id);
      if (!outcome) return subscriptions.start(args, participation);
      if (outcome.kind === 'live') return subscriptions.startLive(outcome, participation.deliver);
      if (id in running) await extra.sendQueue.send(frameOf(nextMessage(id, textOf(outcome))));
      return NO_RESULTS;
    },

    onNext: (_connection, _id, _payload, args, result) => subscriptions.present(args, result),

    onError(_connection, _id, _payload, errors) {
      const refusal = refusals.get(errors);
      if (refusal) return refusal;
      const requestId = randomUUID();
      return presentErrors(errors, { ...scope, requestId, logger: logger.child({ requestId }) });
    },
  };
}

/** A peer, with its credentials while it connects. */
class SocketCaller implements Caller {
  readonly authorization: string | undefined;
  readonly #connection: Connection;

  constructor(connection: Connection, authorization?: string) {
    this.authorization = authorization;
    this.#connection = connection;
  }

  get address(): string {
    return this.#connection.address();
  }
}

/** An operation that a peer sent. */
class SocketRequest extends SocketCaller implements OperationRequest {
  readonly requestId = randomUUID();
  readonly identity: Identity;
  readonly wantsReport = false;
  readonly wantsPage = false;
  readonly acceptsSubscriptions = true;
  readonly http = null;
  readonly #payload: SubscribePayload;

  constructor(connection: Connection, payload: SubscribePayload) {
    super(connection);
    this.identity = connection.identity!;
    this.#payload = payload;
  }

  get caller(): Caller {
    return this;
  }

  /** As the body of an HTTP request with the same parameters, whose response is the same. */
  get cacheText(): string {
    if (!this.#payload.extensions) return `JSON ${JSON.stringify(this.#payload)}`;
    const { readAfter: _position, traceparent: _trace, tracestate: _state, ...others } = this.#payload.extensions;
    const extensions = Object.keys(others).length > 0 ? others : undefined;
    return `JSON ${JSON.stringify({ ...this.#payload, extensions })}`;
  }

  get traceCarrier(): TraceCarrier {
    return this.#payload.extensions ?? NO_EXTENSIONS;
  }

  get readAfter(): string | null {
    const position = this.#payload.extensions?.readAfter;
    return position == null ? null : String(position);
  }

  read(): AskedOperation {
    return this.#payload;
  }
}

const NO_EXTENSIONS = {};

/** graphql-ws wants a document; the outcome travels in its context. */
const CARRIER = parse('{ __typename }');

interface CarryingArgs extends ExecutionArgs {
  readonly contextValue: { readonly outcome: Answer | AcceptedLiveQuery };
}

function carry(outcome: Answer | AcceptedLiveQuery): CarryingArgs {
  return { schema: NO_SCHEMA, document: CARRIER, contextValue: { outcome } };
}

function outcomeIn(args: ExecutionArgs): Answer | AcceptedLiveQuery | null {
  return args.document === CARRIER ? (args as CarryingArgs).contextValue.outcome : null;
}

const NO_SCHEMA = new GraphQLSchema({});

/** Makes graphql-ws complete the operation. */
const NO_RESULTS: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** The response without its line feed. */
function textOf({ body }: Answer): string {
  return typeof body === 'string' ? body.trimEnd() : body.toString('utf8', 0, body.length - 1);
}

function nextMessage(id: string, payload: string): string {
  return `${headOf(id)}${payload}}`;
}

function headOf(id: string): string {
  return `{"id":${JSON.stringify(id)},"type":"next","payload":`;
}

/** Events are sent as they are, past graphql-ws, which would make JSON of each for every subscriber. */
function participate(frames: EventFrames, sendQueue: SendQueue, id: string): Omit<Participation, 'onEnd'> {
  const head = bytesOf(headOf(id));
  const form: EventForm = {
    dataOf: (event) => frames.of(event, head),
    keyOf: ({ key }) => `${id} ${key}`,
  };
  return {
    deliver: (events, recipient) => sendQueue.sendEvents(events, form, recipient),
    whenReady: () => sendQueue.whenDrained(),
  };
}

function asGraphqlError(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
