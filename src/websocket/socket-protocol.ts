import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { CloseCode, makeServer, type Server, type ServerOptions } from 'graphql-ws';
import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import type { WebSocket } from 'ws';
import type { Identity } from '../auth/identity.ts';
import { stableJson } from '../cache/index.ts';
import type { Config } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';
import { type Context, createContext } from '../graphql/context.ts';
import { hidesSuggestions, presentError, presentErrors } from '../graphql/errors.ts';
import type { QueryGuard } from '../operations/query-limits.ts';
import { type RateLimiter, tooOften } from '../operations/rate-limit.ts';
import { type RequestObserver, reportOperation } from '../operations/request-log.ts';
import type { TrustedDocuments } from '../operations/trusted-documents.ts';
import { Broadcasts, type Deliver, type EventSource, type Subscriber } from './broadcast.ts';
import type { SendQueue } from './send-queue.ts';
import { runAt, type Timers } from './timers.ts';

export interface SocketProtocolParts {
  readonly config: Pick<Config, 'environment' | 'introspection' | 'sockets'>;
  readonly logger: Logger;
  readonly schema: GraphQLSchema;
  /**
   * Takes `connectionParams.authorization`.
   *
   * @throws {StationmasterError} for a token that will not do
   */
  readonly identify: (authorization: string | undefined) => Promise<Identity>;
  readonly metrics: RequestObserver;
  readonly queries: QueryGuard;
  readonly rates: RateLimiter;
  /** `null`: every operation may be asked for. */
  readonly trustedDocuments: TrustedDocuments | null;
  /** Beyond those of the specification. */
  readonly validationRules?: readonly ValidationRule[] | undefined;
  readonly timers: Timers;
  /** Kept up to date as subscriptions come and go. */
  readonly counts: { activeSubscriptions: number };
}

/** What is kept with a connection. */
export interface Connection extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  /** Where the peer is. */
  readonly address: string;
  readonly sendQueue: SendQueue;
  /** To be called when the peer has sent `connection_init`, whatever comes of it. */
  readonly initialized: () => void;
  /** Known once the connection is acknowledged, and so before any operation. */
  identity?: Identity;
}

export type SocketProtocol = Server<Connection>;

type Hooks = ServerOptions<Record<string, unknown>, Connection>;

const TRY_AGAIN_LATER = 1013;

/**
 * The server's side of `graphql-transport-ws`.
 *
 * A connection lives no longer than its token: 4401 refuses a bad one, which no retry will mend; 4403 ends a connection
 * whose token has expired, upon which clients reconnect and can bring a new one; 1013 asks to come back when tokens
 * cannot be verified just now. Operations, and every event of a subscription, get a context of their own.
 *
 * Subscriptions that ask the same with the same rights share one source, one execution per event and its JSON.
 */
export function createSocketProtocol(parts: SocketProtocolParts): SocketProtocol {
  return makeServer<Record<string, unknown>, Connection>({
    // Whoever accepts the sockets sees to it.
    connectionInitWaitTimeout: 0,
    ...connectionHooks(parts),
    ...operationHooks(parts),
  });
}

function connectionHooks({ identify, logger, rates, timers }: SocketProtocolParts): Hooks {
  return {
    async onConnect({ connectionParams, extra }) {
      const { address, initialized, socket } = extra;
      initialized();
      try {
        extra.identity = await identify(findAuthorization(connectionParams));
      } catch (error) {
        // Whoever tries tokens pays for it wherever they do.
        if (rates.take(null, address) > 0) socket.close(TRY_AGAIN_LATER, 'Try again later');
        else refuseConnection(socket, error, logger);
        return false;
      }
      if (socket.readyState !== socket.OPEN) return false;
      closeOnExpiry(socket, extra.identity, timers);
      return true;
    },
  };
}

/** Apollo Sandbox sends what its user typed as a header's name. */
function findAuthorization(connectionParams: Readonly<Record<string, unknown>> = {}): string | undefined {
  const name = Object.keys(connectionParams).find((key) => key.toLowerCase() === 'authorization');
  const authorization = name === undefined ? undefined : (connectionParams[name] ?? undefined);
  if (authorization === undefined || typeof authorization === 'string') return authorization;
  throw new StationmasterError('UNAUTHENTICATED', 'connectionParams.authorization is not a string.');
}

function refuseConnection(socket: WebSocket, error: unknown, logger: Logger): void {
  const { extensions, message } = presentError(error, { logger });
  if (extensions?.code === 'INTERNAL_SERVER_ERROR') socket.close(CloseCode.InternalServerError, message);
  else if (extensions?.code === 'UNAVAILABLE') socket.close(TRY_AGAIN_LATER, 'Try again later');
  else socket.close(CloseCode.Unauthorized, message.length <= LONGEST_CLOSE_REASON ? message : 'Unauthorized');
}

/** A close frame has room for 123 bytes, and a character takes up to three. */
const LONGEST_CLOSE_REASON = 41;

function closeOnExpiry(socket: WebSocket, { expiresAtMs }: Identity, timers: Timers): void {
  if (expiresAtMs === null) return;
  const cancel = runAt(expiresAtMs, timers, () => socket.close(CloseCode.Forbidden, 'The token has expired.'));
  socket.once('close', cancel);
}

function operationHooks(parts: SocketProtocolParts): Hooks {
  const { config, logger, metrics, queries, rates, trustedDocuments, schema } = parts;
  const scope = { hidesSuggestions: hidesSuggestions(config) };
  const rules = validationRules(parts);
  const startedAtMs = new WeakMap<ExecutionArgs, number>();

  const makeContext = (identity: Identity): Context => {
    const requestId = uuidv7();
    return createContext({ requestId, identity, logger });
  };
  const executeNow = (args: ExecutionArgs) => {
    startedAtMs.set(args, performance.now());
    return execute(args);
  };
  const present = (args: ExecutionArgs, result: ExecutionResult) => {
    const context = contextOf(args);
    const { logger, requestId } = context;
    const errors = presentErrors(result.errors ?? [], { ...scope, logger, requestId });
    const { name, operation: type } = operationOf(args);
    const durationMs = performance.now() - (startedAtMs.get(args) ?? performance.now());
    const level = type === 'subscription' ? 'debug' : 'info';
    reportOperation({ name: name?.value ?? null, type, durationMs, errors }, context, metrics, level);
    const { errors: _unformatted, ...rest } = result;
    return errors.length > 0 ? { errors, ...rest } : rest;
  };
  const subscribe = createSubscribe(parts, async (args, event, identity) => {
    const eventArgs = { ...args, rootValue: event, contextValue: makeContext(identity) };
    return JSON.stringify(present(eventArgs, await executeNow(eventArgs)));
  });

  return {
    onSubscribe({ extra, subscriptions }, _id, payload) {
      const { operationName, variables } = payload;
      const { maxSubscriptions } = config.sockets;
      if (Object.keys(subscriptions).length > maxSubscriptions) {
        return [rateLimited(`A socket may run ${maxSubscriptions} operations at a time.`)];
      }
      const waitSeconds = rates.take(extra.identity!, extra.address);
      if (waitSeconds > 0) return [rateLimited(tooOften(waitSeconds))];
      const document = parseOrExplain(payload, queries, trustedDocuments);
      if (document instanceof GraphQLError) return [document];
      const faults = validateOrExplain(schema, document, rules);
      if (faults.length > 0) return faults;
      const operation = getOperationAST(document, operationName);
      const excess = operation && queries.findExcessiveCost(document, operation, variables);
      if (excess) return [excess];
      const contextValue = makeContext(extra.identity!);
      return { schema, document, operationName, variableValues: variables, contextValue };
    },

    execute: executeNow,

    // `onOperation` knows more: which socket the subscription is on, and under which id.
    subscribe: async () => ({}),

    async onOperation({ extra }, id, _payload, args) {
      if (operationOf(args).operation === 'subscription') return subscribe(args, deliverTo(extra.sendQueue, id));
    },

    onNext: (_connection, _id, _payload, args, result) => present(args, result),

    onError(_connection, _id, _payload, errors) {
      const requestId = uuidv7();
      return presentErrors(errors, { ...scope, requestId, logger: logger.child({ requestId }) });
    },
  };
}

type Render = (args: ExecutionArgs, event: unknown, identity: Identity) => Promise<string>;

type Subscribe = (args: ExecutionArgs, deliver: Deliver) => Promise<Subscriber | ExecutionResult>;

function createSubscribe({ counts, logger }: SocketProtocolParts, render: Render): Subscribe {
  const broadcasts = new Broadcasts();
  const onError = (error: unknown) => logger.error({ err: error }, 'a subscription could not be ended');

  return async function subscribe(args, deliver) {
    const { identity, logger } = contextOf(args);
    // Everybody opens a source, and so is authorized, even if a broadcast of the same events is found for them.
    const source = await openSource(args);
    if (!isEventSource(source)) return source;
    const { operationName } = args;
    logger.info({ operationName, operationType: 'subscription', subject: identity.subject }, 'subscribed');
    const viewer = source.isShared ? { ...identity, subject: 'shared', expiresAtMs: null } : identity;
    const broadcast = broadcasts.find(sharingKey(args), source, {
      render: (event) => render(args, event, viewer),
      onError,
    });
    counts.activeSubscriptions += 1;
    return broadcast.join(deliver, () => {
      counts.activeSubscriptions -= 1;
    });
  };
}

/** All that an event's result depends on, besides the event: the question, and the rights of whoever asks. */
function sharingKey(args: ExecutionArgs): string {
  const query = args.document.loc!.source.body;
  const { isAnonymous, roles } = contextOf(args).identity;
  const names = operationOf(args).variableDefinitions?.map(({ variable }) => variable.name.value) ?? [];
  const variables = names.map((name) => [
    name,
    args.variableValues?.[name] ?? null,
    name in (args.variableValues ?? {}),
  ]);
  return stableJson([query, args.operationName ?? null, variables, roles, isAnonymous]);
}

/** Events are sent as they are, past graphql-ws, which would make JSON of each for every subscriber. */
function deliverTo(sendQueue: SendQueue, id: string): Deliver {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  return (payload, key, recipient) =>
    sendQueue.sendEvent({ text: `${head}${payload}}`, key: `${id} ${key}`, recipient });
}

function rateLimited(message: string): GraphQLError {
  return new GraphQLError(message, { originalError: new StationmasterError('RATE_LIMITED', message) });
}

function validationRules({ config, queries, validationRules: rules = [] }: SocketProtocolParts) {
  const introspection = config.introspection ? [] : [NoSchemaIntrospectionCustomRule];
  return [queries.rule, ...specifiedRules, ...introspection, ...rules];
}

function parseOrExplain(
  asked: { readonly query: string; readonly extensions?: unknown },
  { checkLength, parseOptions }: QueryGuard,
  trustedDocuments: TrustedDocuments | null,
): DocumentNode | GraphQLError {
  try {
    const { query } = trustedDocuments ? trustedDocuments.admit(asked) : asked;
    checkLength(query);
    return parse(query, parseOptions);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    if (error instanceof StationmasterError) return new GraphQLError(error.message, { originalError: error });
    throw error;
  }
}

/** A rule of graphql-js throws what it should report: of a subscription whose root depends on a variable. */
function validateOrExplain(...parameters: Parameters<typeof validate>): readonly GraphQLError[] {
  try {
    return validate(...parameters);
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

function contextOf(args: ExecutionArgs): Context {
  return args.contextValue as Context;
}

/** graphql-ws has made sure that there is one. */
function operationOf({ document, operationName }: ExecutionArgs): OperationDefinitionNode {
  return getOperationAST(document, operationName)!;
}

/** Calls the subscription's resolver. What it throws becomes a result, so that it ends the subscription and not the socket. */
async function openSource(args: ExecutionArgs): Promise<EventSource | ExecutionResult> {
  try {
    return await createSourceEventStream(args);
  } catch (error) {
    const originalError = error instanceof Error ? error : new Error(String(error));
    return { errors: [new GraphQLError(originalError.message, { originalError })] };
  }
}

function isEventSource(source: EventSource | ExecutionResult): source is EventSource {
  return Symbol.asyncIterator in source;
}
