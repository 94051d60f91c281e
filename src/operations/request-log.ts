import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import type { ReadTrace } from '../cache/index.ts';
import type { Context } from '../graphql/context.ts';

/** What an operation's reads came to: `none` when it read nothing through the cache. */
export type CacheOutcome = 'hit' | 'miss' | 'partial' | 'none';

export type OperationType = 'query' | 'mutation' | 'subscription' | 'unknown';

/** One operation, or one event of a subscription, that was answered. */
export interface AnsweredOperation {
  /** As the client calls it; `null` for an anonymous one. */
  readonly name: string | null;
  /** `unknown` when the document could not be read. */
  readonly type: OperationType;
  readonly durationMs: number;
  readonly errors: readonly GraphQLFormattedError[];
}

/** Where durations are counted; part of `Metrics`. */
export interface RequestObserver {
  observeRequest(request: { type: OperationType; outcome: CacheOutcome; durationSeconds: number }): void;
}

/** Writes the one line an operation leaves in the log, and counts it. The context's logger adds the request id. */
export function reportOperation(
  operation: AnsweredOperation,
  scope: Pick<Context, 'identity' | 'logger' | 'logs' | 'reads'>,
  observer: RequestObserver,
  level: 'info' | 'debug' = 'info',
): void {
  const { identity, reads } = scope;
  const outcome = cacheOutcome(reads);
  observer.observeRequest({ type: operation.type, outcome, durationSeconds: operation.durationMs / 1000 });
  if (!scope.logs(level)) return;
  scope.logger[level](
    {
      operationName: operation.name?.slice(0, LONGEST_LOGGED_NAME) ?? null,
      operationType: operation.type,
      durationMs: Math.round(operation.durationMs * 100) / 100,
      cache: reads,
      outcome,
      errors: operation.errors.map(({ extensions }) => extensions?.code),
      subject: identity.subject,
    },
    'operation',
  );
}

/** Clients choose the names; the log does not have to bear any length. */
const LONGEST_LOGGED_NAME = 100;

export function cacheOutcome({ hits, misses }: ReadTrace): CacheOutcome {
  if (hits > 0) return misses > 0 ? 'partial' : 'hit';
  return misses > 0 ? 'miss' : 'none';
}

/** Reports every operation that Apollo Server answers. */
export function createRequestLog(observer: RequestObserver): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      const startedAtMs = performance.now();
      return {
        async willSendResponse({ contextValue, operation, operationName, response }) {
          const errors = response.body.kind === 'single' ? (response.body.singleResult.errors ?? []) : [];
          const durationMs = performance.now() - startedAtMs;
          const type = operation?.operation ?? 'unknown';
          reportOperation({ name: operationName ?? null, type, durationMs, errors }, contextValue, observer);
        },
      };
    },
  };
}
