import { type Attributes, type Context, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import type { DocumentNode } from 'graphql';
import type { CacheOutcome, ObservedOperation } from '../operation-figures.ts';
import { printWithoutValues } from './printed-document.ts';

/** What is known of an operation when it ends. */
export interface DescribedOperation extends Pick<ObservedOperation, 'type' | 'name' | 'errors'> {
  /** `null`: it only started something that reads later. */
  readonly outcome: CacheOutcome | null;
}

/** Clients choose the names, so their length is bounded. */
const LONGEST_NAME = 100;
/** The codes of errors that are the server's fault. Only they make a span a failed one. */
const FAULTS: readonly string[] = ['INTERNAL_SERVER_ERROR', 'UNAVAILABLE'];

/** The span of one operation, or of one execution of a subscription or live query. */
export class OperationSpan {
  readonly #span: Span;
  readonly #parent: Context;
  #isDescribed = false;
  #isHandedOver = false;
  #hasEnded = false;

  /** @param parent the context that the span was started in */
  constructor(span: Span, parent: Context) {
    this.#span = span;
    this.#parent = parent;
  }

  get spanContext() {
    return this.#span.spanContext();
  }

  /** As hexadecimal text. */
  get traceId(): string {
    return this.spanContext.traceId;
  }

  /** Runs the part of the operation that statements and loads belong to: their spans become children of this one. */
  enter<T>(work: () => T): T {
    return context.with(trace.setSpan(this.#parent, this.#span), work);
  }

  /** Notes the document, without the values in it. */
  showDocument(document: DocumentNode): void {
    if (this.#span.isRecording()) this.#span.setAttribute('graphql.document', printWithoutValues(document));
  }

  describe({ type, name, outcome, errors }: DescribedOperation): void {
    this.#isDescribed = true;
    if (!this.#span.isRecording()) return;
    const attributes: Attributes = {};
    if (type !== 'unknown') {
      this.#span.updateName(type);
      attributes['graphql.operation.type'] = type;
    }
    if (name !== null) attributes['graphql.operation.name'] = name.slice(0, LONGEST_NAME);
    if (outcome !== null) {
      attributes['cache.hit'] = outcome === 'hit';
      attributes['cache.outcome'] = outcome;
    }
    if (errors.length > 0) attributes['graphql.error.codes'] = [...new Set(errors)];
    this.#span.setAttributes(attributes);
    const fault = errors.find((code) => FAULTS.includes(code));
    if (fault !== undefined) markFailed(this.#span, fault);
  }

  /** The operation threw. Ends the span, as a failed one unless it has been described, and throws again. */
  fail(error: unknown): never {
    if (!this.#isDescribed) markFailed(this.#span, 'INTERNAL_SERVER_ERROR');
    this.end();
    throw error;
  }

  /** The operation goes on after it was answered, as a subscription does: the code that starts it calls `end`. */
  handOver(): void {
    this.#isHandedOver = true;
  }

  /** The operation was answered. */
  settle(): void {
    if (!this.#isHandedOver) this.end();
  }

  /** Further calls change nothing. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#span.end();
  }
}

/** Without a message: those of errors may contain values. @param type names the kind of error, in few words */
export function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}
