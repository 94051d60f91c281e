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
import type { Config } from '../config.ts';
import { StationmasterError } from '../errors.ts';
import { type Context, createContext } from './context.ts';
import { presentError, presentErrors } from './errors.ts';
import { type RequestObserver, reportOperation } from './request-log.ts';
import { runAt, type Timers } from './timers.ts';

export interface SocketProtocolParts {
  readonly config: Pick<Config, 'environment'>;
  readonly logger: Logger;
  readonly schema: GraphQLSchema;
  /**
   * Takes `connectionParams.authorization`.
   *
   * @throws {StationmasterError} for a token that will not do
   */
  readonly identify: (authorization: string | undefined) => Promise<Identity>;
  readonly metrics: RequestObserver;
  /** Beyond those of the specification. */
  readonly validationRules?: readonly ValidationRule[] | undefined;
  readonly timers: Timers;
  /** Kept up to date as subscriptions come and go. */
  readonly counts: { activeSubscriptions: number };
}

/** What is kept with a connection. */
export interface Connection extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  /** Known once the connection is acknowledged, and so before any operation. */
  identity?: Identity;
}

export type SocketProtocol = Server<Connection>;

type Hooks = ServerOptions<Record<string, unknown>, Connection>;

const CONNECTION_INIT_TIMEOUT_MS = 10_000;
const TRY_AGAIN_LATER = 1013;

/**
 * The server's side of `graphql-transport-ws`.
 *
 * A connection lives no longer than its token: 4401 refuses a bad one, which no retry will mend; 4403 ends a connection
 * whose token has expired, upon which clients reconnect and can bring a new one; 1013 asks to come back when tokens
 * cannot be verified just now. Operations, and every event of a subscription, get a context of their own.
 */
export function createSocketProtocol(parts: SocketProtocolParts): SocketProtocol {
  return makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: CONNECTION_INIT_TIMEOUT_MS,
    ...connectionHooks(parts),
    ...operationHooks(parts),
  });
}

function connectionHooks({ identify, logger, timers }: SocketProtocolParts): Hooks {
  return {
    async onConnect({ connectionParams, extra }) {
      const { socket } = extra;
      try {
        extra.identity = await identify(findAuthorization(connectionParams));
      } catch (error) {
        refuseConnection(socket, error, logger);
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

/** The making of one result. */
interface Execution {
  readonly context: Context;
  readonly startedAtMs: number;
}

function operationHooks(parts: SocketProtocolParts): Hooks {
  const { counts, logger, metrics, schema } = parts;
  const rules = validationRules(parts);
  // What an operation is called with is not what each event of a subscription is executed with.
  const executions = new WeakMap<ExecutionResult, Execution>();

  const makeContext = (identity: Identity): Context => {
    const requestId = uuidv7();
    return createContext({ requestId, identity, logger: logger.child({ requestId }) });
  };
  const executeIn = async (context: Context, args: ExecutionArgs): Promise<ExecutionResult> => {
    const startedAtMs = performance.now();
    const result = await execute({ ...args, contextValue: context });
    executions.set(result, { context, startedAtMs });
    return result;
  };

  return {
    onSubscribe({ extra }, _id, { operationName, query, variables }) {
      const document = parseOrExplain(query);
      if (document instanceof GraphQLError) return [document];
      const faults = validate(schema, document, rules);
      if (faults.length > 0) return faults;
      const contextValue = makeContext(extra.identity!);
      return { schema, document, operationName, variableValues: variables, contextValue };
    },

    execute: (args) => executeIn(contextOf(args), args),

    async subscribe(args) {
      const context = contextOf(args);
      const source = await openSource(args);
      if (!isEventSource(source)) return source;
      const { operationName } = args;
      context.logger.info(
        { operationName, operationType: 'subscription', subject: context.identity.subject },
        'subscribed',
      );
      counts.activeSubscriptions += 1;
      return mapEvents(source, {
        map: (event) => executeIn(makeContext(context.identity), { ...args, rootValue: event }),
        onEnd: () => {
          counts.activeSubscriptions -= 1;
        },
      });
    },

    onNext(_connection, _id, _payload, args, result) {
      const { context, startedAtMs } = executions.get(result) ?? { context: contextOf(args), startedAtMs: undefined };
      const errors = presentErrors(result.errors ?? [], context);
      const { name, operation: type } = getOperationAST(args.document, args.operationName)!;
      const durationMs = startedAtMs === undefined ? 0 : performance.now() - startedAtMs;
      const level = type === 'subscription' ? 'debug' : 'info';
      reportOperation({ name: name?.value ?? null, type, durationMs, errors }, context, metrics, level);
      const { errors: _unformatted, ...rest } = result;
      return errors.length > 0 ? { errors, ...rest } : rest;
    },

    onError(_connection, _id, _payload, errors) {
      const requestId = uuidv7();
      return presentErrors(errors, { requestId, logger: logger.child({ requestId }) });
    },
  };
}

function validationRules({ config, validationRules: rules = [] }: SocketProtocolParts) {
  const introspection = config.environment === 'production' ? [NoSchemaIntrospectionCustomRule] : [];
  return [...specifiedRules, ...introspection, ...rules];
}

function parseOrExplain(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function contextOf(args: ExecutionArgs): Context {
  return args.contextValue as Context;
}

/** Calls the subscription's resolver. What it throws becomes a result, so that it ends the subscription and not the socket. */
async function openSource(args: ExecutionArgs): Promise<AsyncIterable<unknown> | ExecutionResult> {
  try {
    return await createSourceEventStream(args);
  } catch (error) {
    const originalError = error instanceof Error ? error : new Error(String(error));
    return { errors: [new GraphQLError(originalError.message, { originalError })] };
  }
}

function isEventSource(source: AsyncIterable<unknown> | ExecutionResult): source is AsyncIterable<unknown> {
  return Symbol.asyncIterator in source;
}

/**
 * Maps a source's events one after the other. `onEnd` is called once, however the events end. Not a generator: the
 * `return` of one that waits for an event would wait for that event too, and the source would never hear of it.
 */
function mapEvents<T>(
  source: AsyncIterable<unknown>,
  { map, onEnd }: { map: (event: unknown) => Promise<T>; onEnd: () => void },
): AsyncIterableIterator<T> {
  const events = source[Symbol.asyncIterator]();
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) onEnd();
    hasEnded = true;
  };
  return {
    async next() {
      try {
        const { done, value } = await events.next();
        if (!done) return { done: false, value: await map(value) };
      } catch (error) {
        end();
        await events.return?.();
        throw error;
      }
      end();
      return { done: true, value: undefined };
    },
    async return() {
      end();
      await events.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
