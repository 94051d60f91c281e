import { ReadTrace } from '../../cache/index.ts';

/** What reads are done for: one GraphQL operation, whose context has these parts. */
export interface Operation {
  /** What the operation's reads found in the cache. */
  readonly reads: ReadTrace;
  /** Whether reads ask the database, whatever the cache holds. */
  readonly asksDatabase: boolean;
  /** Returns what `create` made for `key` earlier in this operation, or makes it. */
  once<T>(key: object, create: (operation: Operation) => T): T;
}

/** An operation of its own, for reads that no client asked for. */
export function createOperation(): Operation {
  const made = new Map<object, unknown>();
  const operation: Operation = {
    reads: new ReadTrace(),
    asksDatabase: false,
    once<T>(key: object, create: (operation: Operation) => T): T {
      if (!made.has(key)) made.set(key, create(operation));
      return made.get(key) as T;
    },
  };
  return operation;
}
