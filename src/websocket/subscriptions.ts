import { randomUUID } from 'node:crypto';
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';
import type { Config } from '../config/config.ts';
import { type Context, createContext } from '../graphql/context.ts';
import { hidesSuggestions, presentErrors } from '../graphql/errors.ts';
import type { SubscriptionRoot } from '../graphql/schema.ts';
import type { SubscriptionObserver } from '../observability/metrics.ts';
import type { RequestObserver } from '../observability/operation-figures.ts';
import type { OperationSpan } from '../observability/tracing/operation-span.ts';
import { type Tracing, traceExecution } from '../observability/tracing/traces.ts';
import type { LiveQueries } from '../operations/live/live-queries.ts';
import type { AcceptedLiveQuery, AcceptedSubscription } from '../operations/operation.ts';
import { reportOperation } from '../operations/request-log.ts';
import { sharedIdentity, sharingKey } from '../operations/sharing-key.ts';
import { systemTimers, type Timers } from '../timers.ts';
import { Broadcasts, type Deliver, type EventSource, type Participation, Subscriber } from './broadcast.ts';
import type { Rendered } from './kept-events.ts';

export interface SubscriptionsParts {
  readonly config: Pick<Config, 'environment' | 'introspection'>;
  readonly logger: Logger;
  readonly metrics: RequestObserver & SubscriptionObserver;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | null;
  readonly live: LiveQueries;
  readonly timers?: Timers;
  /** Updated as subscriptions start and end. */
  readonly counts: { activeSubscriptions: number };
}

/** Runs subscriptions and live queries. Those that ask the same with the same rights share one source, one execution per event and its JSON. */
export interface Subscriptions {
  /**
   * Starts a subscription, or resolves to why it cannot start. Every event is executed with a context of its own.
   * @param since where the client goes on, if its transport says so: it counts more than the argument `since`
   */
  start(
    args: ExecutionArgs,
    participation: Omit<Participation, 'onEnd'>,
    since?: string | null,
  ): Promise<Subscriber | ExecutionResult>;
  /** Starts a live query. Its answers have one key: a newer one replaces an older one that waits for the client. */
  startLive(accepted: AcceptedLiveQuery, deliver: Deliver): Subscriber;
  /** A result as the client sees it. Leaves a line in the log, and is counted. */
  present(args: ExecutionArgs, result: ExecutionResult, startedAtMs?: number): FormattedExecutionResult;
}

export function createSubscriptions(parts: SubscriptionsParts): Subscriptions {
  const { config, counts, live, logger, metrics, tracing = null, timers = systemTimers } = parts;
  const broadcasts = new Broadcasts(timers);
  const scope = { hidesSuggestions: hidesSuggestions(config) };
  const onError = (error: unknown) => logger.error({ err: error }, 'a subscription could not be ended');

  const present: Subscriptions['present'] = (args, result, startedAtMs = performance.now()) => {
    const context = contextOf(args);
    const { logger, requestId } = context;
    const { errors: thrown = [], ...rest } = result;
    const errors = presentErrors(thrown, { ...scope, logger, requestId });
    const { name } = operationOf(args);
    const durationMs = performance.now() - startedAtMs;
    reportOperation({ name: name?.value ?? null, type: 'subscription', durationMs, errors }, context, metrics, 'debug');
    context.trace?.end();
    return errors.length > 0 ? { errors, ...rest } : rest;
  };

  const render = async (
    args: ExecutionArgs,
    event: unknown,
    identity: Identity,
    trace: OperationSpan | null,
  ): Promise<Rendered> => {
    const contextValue = createContext({ requestId: randomUUID(), identity, logger, trace });
    const eventArgs = { ...args, rootValue: event, contextValue };
    const startedAtMs = performance.now();
    const result = present(eventArgs, await execute(eventArgs), startedAtMs);
    const { entries, stale } = contextValue.reads;
    const isCurrent = () => !result.errors && stale === 0 && entries.every((entry) => entry?.isHeld);
    return { payload: JSON.stringify(result), isCurrent };
  };

  return {
    present,
    async start(args, participation, since = null) {
      const context = contextOf(args);
      const { identity, trace: cause } = context;
      // Each subscriber opens a source, and so is authorized, even if a broadcast of the same events is running.
      const root: SubscriptionRoot = { since };
      const open = () => openSource({ ...args, rootValue: root });
      const source = await (cause ? cause.enter(open) : open());
      // A refusal is presented next, which describes the span.
      if (!isEventSource(source)) return source;
      cause?.end();
      logStart(context, 'subscription', args.operationName);
      const viewer = source.isShared ? sharedIdentity(identity) : identity;
      const broadcast = broadcasts.find(sharingKeyOf(args), source, {
        render: (event) => traceExecution(tracing, cause, (trace) => render(args, event, viewer, trace)),
        onDelivered: (waitedMs) => metrics.observeSubscriptionLag(waitedMs / 1000),
        onError,
      });
      counts.activeSubscriptions += 1;
      const onEnd = () => {
        counts.activeSubscriptions -= 1;
      };
      return broadcast.join({ ...participation, onEnd }, source.replay);
    },

    startLive(accepted, deliver) {
      logStart(accepted.context, 'live', accepted.operation.name);
      counts.activeSubscriptions += 1;
      const subscriber = new Subscriber(0, deliver, () => {
        counts.activeSubscriptions -= 1;
        leave();
      });
      const leave = live.join(accepted, {
        deliver: (payload) => deliver([{ payload, key: LIVE_KEY, isState: true, position: undefined }], subscriber),
        finish: () => subscriber.finish(),
      });
      return subscriber;
    },
  };
}

export function executionArgsOf(
  { operation, variables, context }: AcceptedSubscription,
  schema: GraphQLSchema,
): ExecutionArgs {
  const { document, name: operationName } = operation;
  return { schema, document, operationName, variableValues: variables, contextValue: context };
}

function logStart(
  context: Context,
  operationType: 'subscription' | 'live',
  operationName: string | null | undefined,
): void {
  if (!context.logs('info')) return;
  context.logger.info({ operationName, operationType, subject: context.identity.subject }, 'subscribed');
}

const LIVE_KEY = 'live';

function sharingKeyOf(args: ExecutionArgs): string {
  const definition = operationOf(args);
  const { document, variableValues, operationName } = args;
  return sharingKey(
    { document, definition, name: operationName ?? null },
    variableValues ?? {},
    contextOf(args).identity,
  );
}

function contextOf(args: ExecutionArgs): Context {
  return args.contextValue as Context;
}

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
