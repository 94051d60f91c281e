import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { EndedStatement } from '../../database/statement-times.ts';
import { markFailed, OperationSpan } from './operation-span.ts';
import { describeStatement } from './statement-attributes.ts';

/*
 * Spans, through the API of OpenTelemetry: where they go is up to the SDK that was registered before. Their names and
 * attributes follow the semantic conventions for GraphQL servers and for PostgreSQL clients.
 */

/** What a client says about its own trace: `traceparent` and `tracestate`, among other things. */
export type TraceCarrier = Readonly<Record<string, unknown>>;

/** Makes the spans of operations, and those of their statements and loads below them. */
export class Tracing {
  readonly #tracer: Tracer;
  readonly #mayBegin: () => boolean;
  readonly #server: Attributes;

  /**
   * @param mayBegin whether an operation may begin a trace, when its client began none. Otherwise it has no span
   * @param server the attributes that all statements have in common
   */
  constructor(tracer: Tracer, mayBegin: () => boolean, server: Attributes) {
    this.#tracer = tracer;
    this.#mayBegin = mayBegin;
    this.#server = server;
  }

  /** Calls `run` with the span of an operation; `null`: it is not traced. The span ends when what `run` returns is there. */
  operation<T>(carrier: TraceCarrier, run: (span: OperationSpan | null) => T): T {
    const parent = parentOf(carrier);
    return parent !== ROOT_CONTEXT || this.#mayBegin() ? this.#run(parent, [], run) : untraced(run);
  }

  /**
   * Calls `run` with the span of an execution that an operation brought about, such as one for an event of a subscription.
   * It begins a trace of its own, because a subscription has no end, and links to the operation, if that was traced.
   */
  execution<T>(cause: OperationSpan | null, run: (span: OperationSpan | null) => T): T {
    if (!this.#mayBegin()) return untraced(run);
    const links = cause ? [{ context: cause.spanContext }] : [];
    return this.#run(ROOT_CONTEXT, links, (span) => span!.enter(() => run(span)));
  }

  /** Makes the span of a statement, if it was sent by a traced operation. */
  readonly onStatement = (statement: EndedStatement): void => {
    if (!isTraced()) return;
    const { name, attributes: own } = describeStatement(statement);
    const attributes = { ...this.#server, ...own };
    const endTime = performance.now();
    const startTime = endTime - 1000 * statement.durationSeconds;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime, attributes });
    if (statement.error !== null) markFailed(span, String(attributes['error.type']));
    span.end(endTime);
  };

  /** Makes the span of a load that fills the cache, if a traced operation began it. */
  readonly aroundLoad = <T>(layer: string, keys: readonly string[], load: () => Promise<T>): Promise<T> => {
    if (!isTraced()) return load();
    const attributes = { 'cache.layer': layer, 'cache.keys': keys.length };
    return this.#tracer.startActiveSpan('cache.load', { attributes }, async (span) => {
      try {
        return await load();
      } catch (error) {
        markFailed(span, error instanceof Error ? error.name : 'Error');
        throw error;
      } finally {
        span.end();
      }
    });
  };

  #run<T>(parent: Context, links: Link[], run: (span: OperationSpan | null) => T): T {
    const options = { kind: SpanKind.SERVER, links };
    const span = new OperationSpan(this.#tracer.startSpan('GraphQL Operation', options, parent), parent);
    try {
      const result = run(span);
      if (result instanceof Promise) return endWith(span, result) as T;
      span.settle();
      return result;
    } catch (error) {
      return span.fail(error);
    }
  }
}

async function endWith<T>(span: OperationSpan, result: Promise<T>): Promise<T> {
  try {
    const value = await result;
    span.settle();
    return value;
  } catch (error) {
    return span.fail(error);
  }
}

/** `Tracing.execution`, where there may be no tracing. */
export function traceExecution<T>(
  tracing: Tracing | null,
  cause: OperationSpan | null,
  run: (span: OperationSpan | null) => T,
): T {
  return tracing ? tracing.execution(cause, run) : run(null);
}

/** The client's span, or that of an instrumentation around this server; `ROOT_CONTEXT`: neither. */
function parentOf(carrier: TraceCarrier): Context {
  const parent = carrier.traceparent === undefined ? context.active() : propagation.extract(ROOT_CONTEXT, carrier);
  return trace.getSpanContext(parent) ? parent : ROOT_CONTEXT;
}

/** Not within the span of another operation, which may have opened the connection that this one runs on. */
function untraced<T>(run: (span: null) => T): T {
  return trace.getActiveSpan() ? context.with(ROOT_CONTEXT, run, undefined, null) : run(null);
}

function isTraced(): boolean {
  return trace.getActiveSpan()?.isRecording() === true;
}
