import type { GraphQLFormattedError } from 'graphql';
import type { ReadTrace } from '../cache/index.ts';
import type { Context } from '../graphql/context.ts';
import type { CacheOutcome, OperationType, RequestObserver } from '../observability/operation-figures.ts';

/** One operation, or one event of a subscription, that was answered. */
export interface AnsweredOperation {
  /** As the client calls it; `null` for an anonymous one. */
  readonly name: string | null;
  /** `unknown` when the document could not be read. */
  readonly type: OperationType;
  readonly durationMs: number;
  readonly errors: readonly GraphQLFormattedError[];
}

/** Writes the log line of an operation, counts it, and describes its span. The context's logger adds the request id. */
export function reportOperation(
  operation: AnsweredOperation,
  scope: Pick<Context, 'identity' | 'logger' | 'logs' | 'reads' | 'trace'>,
  observer: RequestObserver,
  level: 'info' | 'debug' = 'info',
): void {
  const { identity, reads } = scope;
  const outcome = cacheOutcome(reads);
  const errors = codesOf(operation.errors);
  const { type, name } = operation;
  scope.trace?.describe({ type, name, outcome, errors });
  observer.observeRequest({
    type,
    outcome,
    durationSeconds: operation.durationMs / 1000,
    name,
    isKnownClient: !identity.isAnonymous,
    errors,
  });
  if (!scope.logs(level)) return;
  scope.logger[level](
    {
      operationName: operation.name?.slice(0, LONGEST_LOGGED_NAME) ?? null,
      operationType: operation.type,
      durationMs: Math.round(operation.durationMs * 100) / 100,
      cache: reads,
      outcome,
      errors,
      subject: identity.subject,
    },
    'operation',
  );
}

export const NO_CODES: readonly string[] = [];

function codesOf(errors: AnsweredOperation['errors']): readonly string[] {
  return errors.length === 0 ? NO_CODES : errors.map(({ extensions }) => String(extensions?.code));
}

/** Clients choose the names, so their length in the log is bounded. */
const LONGEST_LOGGED_NAME = 100;

function cacheOutcome({ hits, misses }: ReadTrace): CacheOutcome {
  if (hits > 0) return misses > 0 ? 'partial' : 'hit';
  return misses > 0 ? 'miss' : 'none';
}
