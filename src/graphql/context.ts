import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';

/** What one operation's reads found in the cache: logged with the request and shown to clients where it matters. */
export interface ReadTrace {
  hits: number;
  misses: number;
  /** Values served past their trust because the database could not be asked. */
  stale: number;
}

/** The GraphQL context: made anew for every operation, and for every event of a subscription. */
export interface Context {
  readonly requestId: string;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly reads: ReadTrace;
  /** Returns what `create` made for `key` earlier in this operation, or makes it. Loaders live here. */
  once<T>(key: object, create: () => T): T;
  /** Forgets everything `once` holds, so that a mutation's later fields do not see what an earlier one replaced. */
  forgetLoads(): void;
}

export function createContext(parts: { requestId: string; identity: Identity; logger: Logger }): Context {
  const made = new Map<object, unknown>();
  return {
    ...parts,
    reads: { hits: 0, misses: 0, stale: 0 },
    once<T>(key: object, create: () => T): T {
      if (!made.has(key)) made.set(key, create());
      return made.get(key) as T;
    },
    forgetLoads: () => made.clear(),
  };
}
