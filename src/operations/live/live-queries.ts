import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Identity } from '../../auth/identity.ts';
import type { Cache } from '../../cache/index.ts';
import { createContext } from '../../graphql/context.ts';
import { presentErrors } from '../../graphql/errors.ts';
import type { RequestObserver } from '../../observability/operation-figures.ts';
import type { OperationSpan } from '../../observability/tracing/operation-span.ts';
import { type Tracing, traceExecution } from '../../observability/tracing/traces.ts';
import type { Timers } from '../../timers.ts';
import type { AcceptedLiveQuery } from '../operation.ts';
import { reportOperation } from '../request-log.ts';
import { sharedIdentity, sharingKey } from '../sharing-key.ts';
import { ExecutionQueue } from './execution-queue.ts';
import { type LiveAnswer, type LiveListener, LiveQuery } from './live-query.ts';

export interface LiveQueriesParts {
  /** What answers are built from. */
  readonly cache: Pick<Cache, 'dependOn' | 'isLive'>;
  readonly hidesSuggestions: boolean;
  readonly logger: Logger;
  readonly metrics: RequestObserver;
  /** `null`: nothing is traced. */
  readonly tracing: Tracing | null;
  readonly timers: Timers;
}

/** The codes of errors that the same query of the same caller meets again, whatever changes. */
const LASTING: readonly unknown[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT'];

/** The live queries of all clients. Those that ask the same with the same rights share executions and answers. */
export class LiveQueries {
  readonly #parts: LiveQueriesParts;
  readonly #executions = new ExecutionQueue();
  readonly #running = new Set<LiveQuery>();
  readonly #shared = new Map<string, LiveQuery>();

  constructor(parts: LiveQueriesParts) {
    this.#parts = parts;
  }

  /**
   * Delivers the answer at once, and again each time that it has changed.
   * @returns ends that; the listener is not told
   */
  join(accepted: AcceptedLiveQuery, listener: LiveListener): () => void {
    // Its first answer has to come from the database, which the answer that others have may not.
    if (accepted.context.asksDatabase) return this.#start(accepted, () => {}).join(listener);
    const key = sharingKey(accepted.operation, accepted.variables, accepted.context.identity);
    let query = this.#shared.get(key);
    if (!query) {
      query = this.#start(accepted, () => this.#shared.delete(key));
      this.#shared.set(key, query);
    }
    return query.join(listener);
  }

  /** Call when the cache is live again after a gap. */
  resume(): void {
    for (const query of this.#running) query.resume();
  }

  #start(accepted: AcceptedLiveQuery, onEmpty: () => void): LiveQuery {
    const { cache, timers, tracing } = this.#parts;
    const identity = sharedIdentity(accepted.context.identity);
    let { asksDatabase } = accepted.context;
    const query = new LiveQuery({
      execute: () => {
        const options = { identity, asksDatabase };
        asksDatabase = false;
        return traceExecution(tracing, accepted.context.trace, (trace) =>
          this.#execute(accepted, { ...options, trace }),
        );
      },
      dependOn: (reads, onEnd) => cache.dependOn(reads, onEnd),
      isLive: () => cache.isLive,
      executions: this.#executions,
      timers,
      throttleMs: accepted.throttleMs,
      onEmpty: () => {
        this.#running.delete(query);
        onEmpty();
      },
    });
    this.#running.add(query);
    return query;
  }

  async #execute(
    { operation, variables }: AcceptedLiveQuery,
    options: { readonly identity: Identity; readonly asksDatabase: boolean; readonly trace: OperationSpan | null },
  ): Promise<LiveAnswer> {
    const { logger, metrics, hidesSuggestions } = this.#parts;
    const startedAtMs = performance.now();
    const context = createContext({ requestId: randomUUID(), logger, ...options });
    const { reads, requestId } = context;
    const { errors: thrown = [], data } = await operation
      .execute(context, variables)
      .catch((error: Error) => ({ errors: [error], data: null }));
    const errors = presentErrors(thrown, { logger: context.logger, requestId, hidesSuggestions });
    const durationMs = performance.now() - startedAtMs;
    reportOperation({ name: operation.name, type: 'subscription', durationMs, errors }, context, metrics, 'debug');
    const hasErrors = errors.length > 0;
    const payload = JSON.stringify({
      ...(hasErrors && { errors }),
      data,
      ...(reads.stale > 0 && { extensions: { stale: true } }),
    });
    const isFinal =
      hasErrors && reads.keys.length === 0 && errors.every(({ extensions }) => LASTING.includes(extensions?.code));
    return { payload, reads, hasErrors, isFinal };
  }
}
