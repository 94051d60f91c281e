import type { CacheDependency } from './cache-dependency.ts';

/** What a cached value, or a load that is still running, hangs on. */
export interface Dependent {
  readonly tags: readonly string[];
  /**
   * Whether a change announced under one of the tags can alter `value`, which is `undefined` while a load is still
   * running. Left out: every such change does.
   */
  readonly isAffectedBy?: ((change: unknown, value: unknown) => boolean) | undefined;
}

export interface Entry extends Dependent {
  readonly key: string;
  readonly layer: string;
  readonly value: unknown;
  /** Of a record: rises with every write. `undefined` for values that have none. */
  readonly version: number | undefined;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
  /** Approximate, and never 0. */
  readonly bytes: number;
  /** Whether it is in the store; once it has left it does not come back. */
  isHeld: boolean;
  /** What was made from it, and is void once it has left the store. */
  dependencies: CacheDependency | Set<CacheDependency> | undefined;
  /** Its neighbours in the order of use, which is the store's business; `null` outside of it. */
  newer: Entry | null;
  older: Entry | null;
}

/** What a value is stored under, besides its key. */
export interface StoreOptions {
  readonly layer: string;
  /** Defaults to the cache's own TTL; for `null`, which means "known to be absent", to its shorter negative TTL. */
  readonly ttlSeconds?: number | undefined;
  readonly version?: number | undefined;
  /** The size of a value that whoever made it knows to be frozen and JSON-safe: it is not looked through again. */
  readonly bytes?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly isAffectedBy?: Dependent['isAffectedBy'];
}

/** A deletion announces the last version the record had, so it is newer than a record of the same version. */
export function isHeldAlready(held: Entry, version: number, value: unknown): boolean {
  if (held.version === undefined) return false;
  return value === null ? held.version > version : held.version >= version;
}
