import type { ExecutionResult, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { hasRole } from '../auth/identity.ts';
import { ReadTrace } from '../cache/index.ts';
import type { Positions } from '../changes/index.ts';
import type { StationmasterError } from '../errors.ts';
import { type Context, createContext, logBindings } from '../graphql/context.ts';
import { codeOf, findCause, presentErrors } from '../graphql/errors.ts';
import type { OperationType, RequestObserver } from '../observability/operation-figures.ts';
import type { OperationSpan } from '../observability/tracing/operation-span.ts';
import type { Tracing } from '../observability/tracing/traces.ts';
import type { Apollo } from './apollo/apollo.ts';
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
import type { PreparedOperation, PreparedOperations, Variables } from './prepared-operations.ts';
import type { QueryGuard } from './query-limits.ts';
import { NO_CODES, reportOperation } from './request-log.ts';
import { type CachedResponse, MAX_KEY_LENGTH, type ResponseCache } from './response-cache.ts';

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
  /** `null`: nothing is traced. */
  readonly tracing: Tracing | null;
}

/**
 * Answers an operation, whatever transport it came over. In this order: its span, who asks, the rate limit, the middlewares, the
 * cached response, the prepared operation, its execution, caching the response, the log line and the metrics.
 *
 * A cached response to a known caller is returned at once, everything else as a promise.
 *
 * @throws {StationmasterError} also as a rejection, for a request that is refused before anything is executed
 */
export type AnswerOperation = (request: OperationRequest) => Outcome | Promise<Outcome>;

export function createAnswer(parts: AnswerParts): AnswerOperation {
  const { metrics, tracing } = parts;
  const pipeline = new Pipeline(parts);
  const answer = compose(parts.middlewares, (operation) => pipeline.answer(operation));
  const answerWithin = (request: OperationRequest, trace: OperationSpan | null) => {
    const startedAtMs = performance.now();
    try {
      const identity = admit(request, parts.admission);
      const outcome =
        identity instanceof Promise
          ? identity.then((known) => answer({ request, identity: known, startedAtMs, trace }))
          : answer({ request, identity, startedAtMs, trace });
      if (!(outcome instanceof Promise)) return outcome;
      return outcome.catch((error) => refuse(error, { startedAtMs, trace }, metrics));
    } catch (error) {
      return refuse(error, { startedAtMs, trace }, metrics);
    }
  };
  if (!tracing) return (request) => answerWithin(request, null);
  return (request) => tracing.operation(request.traceCarrier, (trace) => answerWithin(request, trace));
}

/** Nothing was executed. */
function refuse(
  error: unknown,
  { startedAtMs, trace }: Pick<AdmittedOperation, 'startedAtMs' | 'trace'>,
  metrics: RequestObserver,
): never {
  const code = codeOf(error);
  trace?.describe({ type: 'unknown', name: null, outcome: null, errors: [code] });
  metrics.observeRefusal(code, (performance.now() - startedAtMs) / 1000);
  throw error;
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
  /** Why it is no hit. */
  readonly reason?: string;
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
    return reached.then((isHeard) => (isHeard ? this.#answer(operation) : this.#run(operation, null, true)));
  }

  #answer(operation: AdmittedOperation): Outcome | Promise<Outcome> {
    const { documents, responses } = this.#parts;
    const { request, identity } = operation;
    const text = responses && request.cacheText;
    // What was stored for a document that the list no longer has must not be found.
    const versioned = documents.version === 0 || text === null ? text : `${documents.version} ${text}`;
    const key = versioned === null ? null : responses!.keyOf(identity, versioned);
    const cached = key === null ? undefined : responses!.get(key);
    return cached ? this.#giveCached(cached, operation) : this.#run(operation, key);
  }

  #run(operation: AdmittedOperation, key: string | null, asksDatabase = false): Promise<Outcome> {
    const execute = () => this.#execute(operation, key, asksDatabase);
    return operation.trace ? operation.trace.enter(execute) : execute();
  }

  #giveCached(cached: CachedResponse, operation: AdmittedOperation): Answer {
    const isReported = wantsReport(operation);
    this.#reportCached(cached, operation, isReported);
    if (!isReported) return cached;
    const ageSeconds = this.#parts.responses!.ageSeconds(cached);
    const report: CacheReport = { response: 'hit', ageSeconds, parts: cached.dependency.keys };
    return { ...RESPONSE, body: withReport(JSON.parse(cached.body.toString()), report) };
  }

  async #execute(operation: AdmittedOperation, key: string | null, asksDatabase: boolean): Promise<Outcome> {
    const { request, identity, trace } = operation;
    const { apollo, documents, guard, logger, prepared } = this.#parts;
    const context = createContext({
      requestId: request.requestId,
      identity,
      sender: request.caller,
      logger,
      trace,
      asksDatabase,
    });
    const execution: Execution = { ...operation, context, key };
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
    trace?.showDocument(selected.document);
    if (selected.type === 'subscription' && request.acceptsSubscriptions) {
      trace?.describe({ type: selected.type, name: selected.name, outcome: null, errors: NO_CODES });
      trace?.handOver();
      return { kind: 'subscription', operation: selected, variables: variables ?? NO_VARIABLES, context };
    }
    if (selected.live) {
      const throttleMs = readThrottle(this.#parts.schema, selected, variables ?? NO_VARIABLES);
      if (throttleMs instanceof Error) return this.#finish(execution, this.#refuse([throttleMs], context, selected));
      if (request.acceptsSubscriptions && throttleMs !== null) {
        trace?.describe({ type: selected.type, name: selected.name, outcome: null, errors: NO_CODES });
        return { kind: 'live', operation: selected, variables: variables ?? NO_VARIABLES, context, throttleMs };
      }
    }
    // No GET may write; a subscription needs a transport that delivers its events.
    const isExecuted = selected.type === 'query' || (selected.type === 'mutation' && request.http?.method !== 'GET');
    const executed = isExecuted
      ? await this.#executePrepared(selected, variables ?? NO_VARIABLES, context)
      : await this.#refuseOperation(selected, { ...asked, query }, execution);
    return this.#finish(execution, executed);
  }

  #refuse(errors: readonly Error[], context: Context, { type, name }: Partial<PreparedOperation> = {}): Executed {
    const result = { errors: this.#present(errors, context) };
    return { result, type: type ?? 'unknown', name: name ?? null, fault: 'document', isCacheable: false };
  }

  async #executePrepared(operation: PreparedOperation, variables: Variables, context: Context): Promise<Executed> {
    const positionOf = operation.type === 'mutation' ? this.#parts.positions.follow() : null;
    const { errors, data } = await operation.execute(context, variables);
    const { type, name, live } = operation;
    const wasExecuted = data !== undefined;
    const position = wasExecuted ? positionOf?.() : undefined;
    return {
      result: {
        ...(errors && { errors: this.#present(errors, context) }),
        ...(wasExecuted && { data }),
        ...(position !== undefined && { extensions: { position } }),
      },
      type,
      name,
      fault: wasExecuted ? null : 'variables',
      // Stored, a live query would answer the same text on a WebSocket, where it has to become live.
      isCacheable: operation.isCacheable && live === null && !errors,
      http: httpHeaders(position, errors),
    };
  }

  /** Refuses a GET that would write, and a subscription on a transport without events. */
  async #refuseOperation(
    { document, type, name }: PreparedOperation,
    asked: AskedOperation,
    { request, context }: Execution,
  ): Promise<Executed> {
    const { result, http } = await this.#parts.apollo.refuse(asked, document, request.http, context);
    // The media type decides what 400 is for a request that is well-formed.
    const status = http.status === 400 ? undefined : http.status;
    return { result, type, name, fault: 'document', isCacheable: false, http: { ...http, status } };
  }

  async #refuseByApollo(asked: AskedOperation, { request, context }: Execution): Promise<Executed> {
    const { result, http } = await this.#parts.apollo.refuse(asked, null, request.http, context);
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
    const json = JSON.stringify(isStale ? { ...result, extensions: { ...Object(extensions), stale: true } } : result);
    const isReusable = executed.isCacheable && !isStale;
    const mayBeCached = isReusable && key !== null;
    const body = mayBeCached ? toLine(json) : `${json}\n`;
    const isReported = wantsReport(execution);
    const reason = isReported ? this.#explain(execution, executed) : undefined;
    const isCached = mayBeCached && responses!.keep(key, { body: body as Buffer, operationName: name }, reads);
    const durationMs = performance.now() - startedAtMs;
    reportOperation({ name, type, durationMs, errors: errors ?? [] }, context, metrics);
    const answer: Answer = { ...RESPONSE, body, fault, errors: errors ?? [], isReusable, isStale, http };
    if (!isReported) return answer;
    const report: CacheReport = {
      response: mayBeCached ? 'miss' : 'none',
      reason: mayBeCached && !isCached ? `${reason}; not cached now, ${NOT_KEPT}` : reason!,
      parts: reads.keys,
      reads,
    };
    return { ...answer, body: withReport(JSON.parse(json), report), isReusable: false };
  }

  /** Why the response did not come from the cache, in words. */
  #explain({ key, request, context }: Execution, executed: Executed): string {
    const { responses } = this.#parts;
    if (responses === null) return 'RESPONSE_CACHE is off';
    if (executed.result.errors) return 'it has errors';
    if (executed.type !== 'query') return 'only queries are stored';
    if (context.reads.stale > 0) return 'it is stale: the database cannot be reached';
    if (!executed.isCacheable) return 'a root field does not read through the cache, or the query is live';
    if (context.asksDatabase) return 'its position was not heard in time, so the database was asked';
    if (key !== null) return responses.explainMiss(key);
    return request.cacheText === null
      ? 'no header of the GET proves that it was not sent by a page of another site'
      : `the request is longer than ${MAX_KEY_LENGTH} characters`;
  }

  /** A cached response was read through the cache as a whole: to the figures it is one hit. */
  #reportCached(
    { operationName, dependency }: CachedResponse,
    { identity, request, startedAtMs, trace }: AdmittedOperation,
    isReported: boolean,
  ): void {
    const { logger, metrics } = this.#parts;
    const durationMs = performance.now() - startedAtMs;
    if (!isReported && !logger.isLevelEnabled('debug')) {
      trace?.describe({ type: 'query', name: operationName, outcome: 'hit', errors: NO_CODES });
      metrics.observeRequest({
        type: 'query',
        outcome: 'hit',
        durationSeconds: durationMs / 1000,
        name: operationName,
        isKnownClient: !identity.isAnonymous,
        errors: NO_CODES,
      });
      return;
    }
    const reads = new ReadTrace();
    reads.hits = 1;
    const operation = { name: operationName, type: 'query', durationMs, errors: [] } as const;
    const scope = {
      identity,
      reads,
      trace,
      logger: logger.child({ ...logBindings(request.requestId, trace), ...(isReported && { parts: dependency.keys }) }),
      logs: () => true,
    };
    reportOperation(operation, scope, metrics, isReported ? 'info' : 'debug');
  }
}

/**
 * The text in UTF-8, and a line feed, which would copy a long text once more if it was appended to it. Most responses are
 * ASCII, which is copied faster as Latin-1.
 */
function toLine(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const line = Buffer.allocUnsafe(length + 1);
  line.write(text, length === text.length ? 'latin1' : 'utf8');
  line[length] = LINE_FEED;
  return line;
}

const LINE_FEED = 0x0a;

const NO_VARIABLES = Object.freeze({});
const NOT_KEPT = 'as something it was built from has changed or left meanwhile, the cache is full, or it is too large';

/** An answer without anything that is out of the ordinary. */
const RESPONSE = {
  kind: 'response',
  fault: null,
  errors: [],
  isReusable: false,
  isStale: false,
  http: null,
} as const satisfies Omit<Answer, 'body'>;

/**
 * The headers that go with what an operation said, or `null` for none.
 * @param position what the client reads after to see what it wrote
 */
function httpHeaders(position: string | undefined, errors: readonly Error[] | undefined): Answer['http'] {
  const waits = errors?.map((error) => (findCause(error) as Partial<StationmasterError>).retryAfterSeconds);
  const retryAfter = waits?.findLast((seconds) => seconds !== undefined);
  if (position === undefined && retryAfter === undefined) return null;
  const headers = new Map<string, string>();
  if (position !== undefined) headers.set('x-position', position);
  if (retryAfter !== undefined) headers.set('retry-after', String(retryAfter));
  return { status: undefined, headers };
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
