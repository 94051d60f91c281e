import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';
import { ReadTrace } from '../cache/index.ts';

/** What becomes known of an answer as it is made. An object of its own, because Apollo executes with a copy of the context. */
export interface AnswerNotes {
  /** Whether it holds for all who ask the same in the same scope, until something that was read changes. */
  isReusable: boolean;
  operationName: string | null;
}

/** The GraphQL context: made anew for every operation, and for every event of a subscription. */
export interface Context {
  readonly requestId: string;
  readonly identity: Identity;
  readonly logger: Logger;
  /** What the operation's reads found in the cache. */
  readonly reads: ReadTrace;
  readonly answer: AnswerNotes;
  /** Returns what `create` made for `key` earlier in this operation, or makes it. Loaders live here. */
  once<T>(key: object, create: () => T): T;
  /** Forgets everything `once` holds, so that a mutation's later fields do not see what an earlier one replaced. */
  forgetLoads(): void;
}

export function createContext(parts: { requestId: string; identity: Identity; logger: Logger }): Context {
  const made = new Map<object, unknown>();
  return {
    ...parts,
    reads: new ReadTrace(),
    answer: { isReusable: false, operationName: null },
    once<T>(key: object, create: () => T): T {
      if (!made.has(key)) made.set(key, create());
      return made.get(key) as T;
    },
    forgetLoads: () => made.clear(),
  };
}
