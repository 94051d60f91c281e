import type { GraphQLFormattedError } from 'graphql';
import type { ReadTrace } from '../cache/index.ts';
import type { Context } from '../graphql/context.ts';
import type { CacheOutcome, OperationType, RequestObserver } from '../observability/metrics.ts';

/** One operation, or one event of a subscription, that was answered. */
export interface AnsweredOperation {
  /** As the client calls it; `null` for an anonymous one. */
  readonly name: string | null;
  /** `unknown` when the document could not be read. */
  readonly type: OperationType;
  readonly durationMs: number;
  readonly errors: readonly GraphQLFormattedError[];
}

/** Writes the log line of an operation, and counts it. The context's logger adds the request id. */
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

/** Clients choose the names, so their length in the log is bounded. */
const LONGEST_LOGGED_NAME = 100;

function cacheOutcome({ hits, misses }: ReadTrace): CacheOutcome {
  if (hits > 0) return misses > 0 ? 'partial' : 'hit';
  return misses > 0 ? 'miss' : 'none';
}
