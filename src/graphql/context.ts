import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';
import { ReadTrace } from '../cache/index.ts';
import type { OperationSpan } from '../observability/tracing/operation-span.ts';

/** The GraphQL context: one for every operation, and one for every event of a subscription. */
export interface Context {
  readonly requestId: string;
  readonly identity: Identity;
  /** Who sends the operation; its address is read only where it decides. An event of a subscription has no sender. */
  readonly sender: { readonly address: string };
  readonly logger: Logger;
  /** Its span, which its log line and what it brings about refer to; `null`: it is not traced. */
  readonly trace: OperationSpan | null;
  /** Whether the logger writes at `level`. Cheaper than creating the logger. */
  logs(level: 'info' | 'debug'): boolean;
  /** What the operation's reads found in the cache. */
  readonly reads: ReadTrace;
  /** Whether its reads ask the database, whatever the cache holds. */
  readonly asksDatabase: boolean;
  /** Returns what `create` returned for `key` earlier in this operation, or calls it. Loaders live here. */
  once<T>(key: object, create: (context: Context) => T): T;
  /** Clears everything that `once` stored, so that later fields of a mutation do not read rows that earlier fields changed. */
  forgetLoads(): void;
}

export interface ContextParts {
  readonly requestId: string;
  readonly identity: Identity;
  readonly sender?: Context['sender'];
  readonly logger: Logger;
  /** Default: it is not traced. */
  readonly trace?: OperationSpan | null;
  /** Default: reads are answered from the cache. */
  readonly asksDatabase?: boolean;
}

/** @param parts `logger` is the server's; lines that the operation logs carry the request id, and that of the trace */
export function createContext(parts: ContextParts): Context {
  return new OperationContext(parts);
}

const UNKNOWN_SENDER = { address: '' };

/** Without private fields, because Apollo Server copies the own properties of a context. */
class OperationContext implements Context {
  readonly requestId: string;
  readonly identity: Identity;
  readonly sender: Context['sender'];
  readonly reads = new ReadTrace();
  readonly trace: OperationSpan | null;
  readonly asksDatabase: boolean;
  readonly serverLogger: Logger;
  made: Map<object, unknown> | undefined;
  ownLogger: Logger | undefined;

  constructor({
    requestId,
    identity,
    sender = UNKNOWN_SENDER,
    logger,
    trace = null,
    asksDatabase = false,
  }: ContextParts) {
    this.requestId = requestId;
    this.identity = identity;
    this.sender = sender;
    this.serverLogger = logger;
    this.trace = trace;
    this.asksDatabase = asksDatabase;
  }

  /** Created when the first line is logged: creating it takes as long as reading a record. */
  get logger(): Logger {
    this.ownLogger ??= this.serverLogger.child(logBindings(this.requestId, this.trace));
    return this.ownLogger;
  }

  logs(level: 'info' | 'debug'): boolean {
    return this.serverLogger.isLevelEnabled(level);
  }

  once<T>(key: object, create: (context: Context) => T): T {
    this.made ??= new Map();
    let made = this.made.get(key);
    if (made === undefined) {
      made = create(this);
      this.made.set(key, made);
    }
    return made as T;
  }

  forgetLoads(): void {
    this.made?.clear();
  }
}

/** What every line that an operation logs begins with. */
export function logBindings(requestId: string, trace: OperationSpan | null) {
  return trace === null ? { requestId } : { requestId, traceId: trace.traceId };
}
