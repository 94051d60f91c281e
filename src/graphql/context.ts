import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';
import { ReadTrace } from '../cache/index.ts';

/** What becomes known of an answer as it is made. An object of its own, because Apollo executes with a copy of the context. */
export interface AnswerNotes {
  /** Whether it holds for all who ask the same in the same scope, until something that was read changes. */
  isCacheable: boolean;
  operationName: string | null;
  /** Whether a program was tried for this request, in vain: it would fail again, after as long a time. */
  isForGraphqlJs: boolean;
}

/** The GraphQL context: made anew for every operation, and for every event of a subscription. */
export interface Context {
  readonly requestId: string;
  readonly identity: Identity;
  readonly logger: Logger;
  /** Whether the logger writes at `level`; cheaper than to make it. */
  logs(level: 'info' | 'debug'): boolean;
  /** What the operation's reads found in the cache. */
  readonly reads: ReadTrace;
  readonly answer: AnswerNotes;
  /** Returns what `create` made for `key` earlier in this operation, or makes it. Loaders live here. */
  once<T>(key: object, create: () => T): T;
  /** Forgets everything `once` holds, so that a mutation's later fields do not see what an earlier one replaced. */
  forgetLoads(): void;
}

/** @param parts `logger` is the server's own: what the operation logs carries the request's id */
export function createContext(parts: { requestId: string; identity: Identity; logger: Logger }): Context {
  return new OperationContext(parts);
}

/** Without private fields, because Apollo copies what it has of its own. */
class OperationContext implements Context {
  readonly requestId: string;
  readonly identity: Identity;
  readonly reads = new ReadTrace();
  readonly answer: AnswerNotes = { isCacheable: false, operationName: null, isForGraphqlJs: false };
  readonly serverLogger: Logger;
  readonly made = new Map<object, unknown>();
  ownLogger: Logger | undefined;

  constructor({ requestId, identity, logger }: { requestId: string; identity: Identity; logger: Logger }) {
    this.requestId = requestId;
    this.identity = identity;
    this.serverLogger = logger;
  }

  /** Made when something is logged: it takes as long as reading a record does. */
  get logger(): Logger {
    this.ownLogger ??= this.serverLogger.child({ requestId: this.requestId });
    return this.ownLogger;
  }

  logs(level: 'info' | 'debug'): boolean {
    return this.serverLogger.isLevelEnabled(level);
  }

  once<T>(key: object, create: () => T): T {
    let made = this.made.get(key);
    if (made === undefined) {
      made = create();
      this.made.set(key, made);
    }
    return made as T;
  }

  forgetLoads(): void {
    this.made.clear();
  }
}
