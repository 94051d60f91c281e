import type { ExecutionResult, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { hasRole } from '../auth/identity.ts';
import { ReadTrace } from '../cache/index.ts';
import type { Positions } from '../changes/index.ts';
import { type Context, createContext } from '../graphql/context.ts';
import { presentErrors } from '../graphql/errors.ts';
import type { OperationType, RequestObserver } from '../observability/metrics.ts';
import type { Apollo } from './apollo.ts';
import type { Admission } from './caller.ts';
import type { DocumentSource } from './documents/trusted-documents.ts';
import { readThrottle } from './live/throttle.ts';
import {
  type AdmittedOperation,
  type Answer,
  type AskedOperation,
  compose,
  type OperationMiddleware,
  type OperationRequest,
  type Outcome,
} from './operation.ts';
import type { PreparedOperation, PreparedOperations } from './prepared-operations.ts';
import type { QueryGuard } from './query-limits.ts';
import { reportOperation } from './request-log.ts';
import type { CachedResponse, ResponseCache } from './response-cache.ts';

export interface AnswerParts {
  readonly admission: Admission;
  readonly middlewares: readonly OperationMiddleware[];
  /** `null`: every operation is executed. */
  readonly responses: ResponseCache | null;
  readonly positions: Positions;
  readonly documents: DocumentSource;
  readonly guard: QueryGuard;
  readonly schema: GraphQLSchema;
  readonly prepared: PreparedOperations;
  readonly apollo: Apollo;
  readonly hidesSuggestions: boolean;
  readonly logger: Logger;
  readonly metrics: RequestObserver;
}

/**
 * Answers an operation, whatever transport it came over. In this order: who asks, the rate limit, the middlewares, the
 * stored response, the prepared operation, its execution, storing the response, the log line and the metrics.
 *
 * A stored response to a known caller is returned at once, everything else as a promise.
 *
 * @throws {StationmasterError} also as a rejection, for a request that is refused before anything is executed
 */
export type AnswerOperation = (request: OperationRequest) => Outcome | Promise<Outcome>;

export function createAnswer(parts: AnswerParts): AnswerOperation {
  const pipeline = new Pipeline(parts);
  const answer = compose(parts.middlewares, (operation) => pipeline.answer(operation));
  return (request) => {
    const startedAtMs = performance.now();
    const identity = admit(request, parts.admission);
    if (identity instanceof Promise) return identity.then((known) => answer({ request, identity: known, startedAtMs }));
    return answer({ request, identity, startedAtMs });
  };
}

function admit({ identity, caller }: OperationRequest, admission: Admission) {
  if (identity === null) return admission.admit(caller);
  admission.count(identity, caller);
  return identity;
}

/** One operation on its way through the pipeline. */
interface Execution extends AdmittedOperation {
  readonly context: Context;
  /** Where its response is stored; `null`: nowhere. */
  readonly key: string | null;
}

/** What came of an operation: the response, and what the log says about it. */
interface Executed {
  readonly result: {
    readonly errors?: readonly GraphQLFormattedError[];
    readonly data?: unknown;
    readonly extensions?: unknown;
  };
  readonly type: OperationType;
  readonly name: string | null;
  readonly fault: Answer['fault'];
  readonly isCacheable: boolean;
  readonly http?: Answer['http'];
}

/** What an admin who asks for it is told about a response. */
interface CacheReport {
  readonly response: 'hit' | 'miss' | 'none';
  readonly ageSeconds?: number;
  /** The keys of what it was built from. */
  readonly parts: readonly string[];
  readonly reads?: ReadTrace;
}

class Pipeline {
  readonly #parts: AnswerParts;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  answer(operation: AdmittedOperation): Outcome | Promise<Outcome> {
    const { readAfter } = operation.request;
    if (readAfter === null) return this.#answer(operation);
    const reached = this.#parts.positions.reach(readAfter);
    if (reached === true) return this.#answer(operation);
    return reached.then((isHeard) => (isHeard ? this.#answer(operation) : this.#execute(operation, null, true)));
  }

  #answer(operation: AdmittedOperation): Outcome | Promise<Outcome> {
    const { documents, responses } = this.#parts;
    const { request, identity } = operation;
    const text = responses && request.cacheText;
    // What was stored for a document that the list has no more must not be found.
    const versioned = documents.version === 0 || text === null ? text : `${documents.version} ${text}`;
    const key = versioned === null ? null : responses!.keyOf(identity, versioned);
    const cached = key === null ? undefined : responses!.get(key);
    return cached ? this.#giveCached(cached, operation) : this.#execute(operation, key);
  }

  #giveCached(cached: CachedResponse, operation: AdmittedOperation): Answer {
    const isReported = wantsReport(operation);
    this.#reportCached(cached, operation, isReported);
    if (!isReported) return cached;
    const ageSeconds = this.#parts.responses!.ageSeconds(cached);
    const report: CacheReport = { response: 'hit', ageSeconds, parts: cached.dependency.keys };
    return { ...RESPONSE, body: withReport(JSON.parse(cached.body.toString()), report) };
  }

  async #execute(operation: AdmittedOperation, key: string | null, asksDatabase = false): Promise<Outcome> {
    const { request, identity, startedAtMs } = operation;
    const { apollo, documents, guard, logger, prepared } = this.#parts;
    const context = createContext({
      requestId: request.requestId,
      identity,
      sender: request.caller,
      logger,
      asksDatabase,
    });
    const execution: Execution = { request, identity, startedAtMs, context, key };
    if (request.wantsPage) return answerByApollo(await apollo.answerHttp(request.http!, context));
    const asked = request.read();
    guard.checkLength(asked?.query);
    const query = documents.find(asked ?? {}, identity);
    if (!asked) return answerByApollo(await apollo.answerHttp(request.http!, context));
    if (query === null) return this.#finish(execution, await this.#refuseByApollo(asked, execution));

    const document = prepared.prepare(query);
    if (document.errors) return this.#finish(execution, this.#refuse(document.errors, context));
    const { variables } = asked;
    const operationName = asked.operationName || null;
    const selected = document.select(operationName);
    if (!selected) return this.#finish(execution, this.#refuse(document.explainSelection(operationName), context));
    guard.checkVariables(variables ?? NO_VARIABLES, selected.definition);
    const excess = guard.refuseCost(selected.costOf(variables ?? NO_VARIABLES), selected.definition);
    if (excess) return this.#finish(execution, this.#refuse([excess], context, selected));
    if (selected.type === 'subscription' && request.acceptsSubscriptions) {
      return { kind: 'subscription', operation: selected, variables: variables ?? NO_VARIABLES, context };
    }
    if (selected.live) {
      const throttleMs = readThrottle(this.#parts.schema, selected, variables ?? NO_VARIABLES);
      if (throttleMs instanceof Error) return this.#finish(execution, this.#refuse([throttleMs], context, selected));
      if (request.acceptsSubscriptions && throttleMs !== null) {
        return { kind: 'live', operation: selected, variables: variables ?? NO_VARIABLES, context, throttleMs };
      }
    }
    const executed =
      selected.type === 'query'
        ? await this.#executeQuery(selected, asked, context)
        : await this.#executeByApollo(selected, { ...asked, query }, execution);
    return this.#finish(execution, executed);
  }

  #refuse(errors: readonly Error[], context: Context, { type, name }: Partial<PreparedOperation> = {}): Executed {
    const result = { errors: this.#present(errors, context) };
    return { result, type: type ?? 'unknown', name: name ?? null, fault: 'document', isCacheable: false };
  }

  async #executeQuery(query: PreparedOperation, { variables }: AskedOperation, context: Context): Promise<Executed> {
    const { errors, data } = await query.execute(context, variables ?? NO_VARIABLES);
    const { type, name, live } = query;
    // Stored, it would answer the same text on a WebSocket, where the query has to become live.
    const isCacheable = query.isCacheable && live === null;
    if (!errors) return { result: { data }, type, name, fault: null, isCacheable };
    const result = data === undefined ? {} : { data };
    const fault = data === undefined ? 'variables' : null;
    return { result: { errors: this.#present(errors, context), ...result }, type, name, fault, isCacheable: false };
  }

  async #executeByApollo(
    { document, type, name }: PreparedOperation,
    asked: AskedOperation,
    { request, context }: Execution,
  ): Promise<Executed> {
    const positionOf = this.#parts.positions.follow();
    const { result, http } = await this.#parts.apollo.execute(asked, document, request.http, context);
    const fault = result.data === undefined ? 'variables' : null;
    // The media type decides what 400 is for a request that is well-formed.
    const status = http.status === 400 ? undefined : http.status;
    const executed = { result, type, name, fault, isCacheable: false, http: { ...http, status } } as const;
    return type === 'mutation' && fault === null ? withPosition(executed, positionOf()) : executed;
  }

  async #refuseByApollo(asked: AskedOperation, { request, context }: Execution): Promise<Executed> {
    const { result, http } = await this.#parts.apollo.execute(asked, null, request.http, context);
    return { result, type: 'unknown', name: null, fault: 'request', isCacheable: false, http };
  }

  #present(errors: readonly Error[], { logger, requestId }: Context): readonly GraphQLFormattedError[] {
    return presentErrors(errors, { logger, requestId, hidesSuggestions: this.#parts.hidesSuggestions });
  }

  /** Stores the response, reports the operation, and writes the response. */
  #finish(execution: Execution, executed: Executed): Answer {
    const { responses, metrics } = this.#parts;
    const { context, key, startedAtMs } = execution;
    const { type, name, fault, http = null } = executed;
    const { reads } = context;
    const isStale = reads.stale > 0;
    const { errors, data, extensions } = executed.result;
    const result: ExecutionResult = { errors, data, extensions } as ExecutionResult;
    const text = `${JSON.stringify(isStale ? { ...result, extensions: { ...Object(extensions), stale: true } } : result)}\n`;
    const isReusable = executed.isCacheable && !isStale;
    const isStored = isReusable && key !== null;
    const body = isStored ? Buffer.from(text) : text;
    if (isStored) responses!.keep(key, { body: body as Buffer, operationName: name }, reads);
    const durationMs = performance.now() - startedAtMs;
    reportOperation({ name, type, durationMs, errors: errors ?? [] }, context, metrics);
    const answer: Answer = { ...RESPONSE, body, fault, errors: errors ?? [], isReusable, isStale, http };
    if (!wantsReport(execution)) return answer;
    const report: CacheReport = { response: isStored ? 'miss' : 'none', parts: reads.keys, reads };
    return { ...answer, body: withReport(JSON.parse(text), report), isReusable: false };
  }

  /** A stored response was read through the cache as a whole: to the figures it is one hit. */
  #reportCached(
    { operationName, dependency }: CachedResponse,
    { identity, request, startedAtMs }: AdmittedOperation,
    isReported: boolean,
  ): void {
    const { logger, metrics } = this.#parts;
    const durationMs = performance.now() - startedAtMs;
    if (!isReported && !logger.isLevelEnabled('debug')) {
      metrics.observeRequest({ type: 'query', outcome: 'hit', durationSeconds: durationMs / 1000 });
      return;
    }
    const reads = new ReadTrace();
    reads.hits = 1;
    const operation = { name: operationName, type: 'query', durationMs, errors: [] } as const;
    const scope = {
      identity,
      reads,
      logger: logger.child({ requestId: request.requestId, ...(isReported && { parts: dependency.keys }) }),
      logs: () => true,
    };
    reportOperation(operation, scope, metrics, isReported ? 'info' : 'debug');
  }
}

const NO_VARIABLES = Object.freeze({});

/** An answer without anything that is out of the ordinary. */
const RESPONSE = {
  kind: 'response',
  fault: null,
  errors: [],
  isReusable: false,
  isStale: false,
  http: null,
} as const satisfies Omit<Answer, 'body'>;

/** Tells the client what to read after, to see what it wrote. */
function withPosition({ result, http, ...executed }: Executed, position: string): Executed {
  const { status, headers } = http!;
  return {
    ...executed,
    result: { ...result, extensions: { ...Object(result.extensions), position } },
    http: { status, headers: new Map([...headers, ['x-position', position]]) },
  };
}

function wantsReport({ request, identity }: AdmittedOperation): boolean {
  return request.wantsReport && hasRole(identity, 'ADMIN');
}

function withReport(response: { readonly extensions?: object }, cache: CacheReport): string {
  return JSON.stringify({ ...response, extensions: { ...response.extensions, cache } });
}

function answerByApollo({ body, headers, status = 200 }: Awaited<ReturnType<Apollo['answerHttp']>>): Answer {
  if (body.kind !== 'complete') throw new Error('Incremental delivery is not supported.');
  return { ...RESPONSE, body: body.string, fault: 'request', http: { status, headers } };
}
