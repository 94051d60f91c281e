import type { RemovalCause } from './removal-cause.ts';

/** The part of an entry, or of a running load, that decides which announcements concern it. */
export interface Dependent {
  readonly tags: readonly string[];
  /**
   * Whether a change announced under one of `tags` can alter `value`, which is `undefined` while a load is running.
   * Default: every such change can. If it throws, the answer counts as yes.
   */
  readonly isAffectedBy?: ((change: unknown, value: unknown) => boolean) | undefined;
}

/** Something derived from entries that ends when one of them leaves the cache. */
export interface EntryDependency {
  /** @param cause why the entry left */
  end(cause: RemovalCause): void;
}

/** A cached value. Read-only outside the cache. */
export interface Entry extends Dependent {
  readonly key: string;
  readonly layer: string;
  /** Frozen. `null`: known to be absent. */
  readonly value: unknown;
  /** The version of a record, which rises with every write; `undefined` for other values. */
  readonly version: number | undefined;
  /** By what the value can be loaded again, if its reader said so (`ReadOptions.requestOf`). */
  readonly request: unknown;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
  /** An estimate, never 0. */
  readonly bytes: number;
  /** Whether the cache holds the entry. An entry that has left never returns. */
  isHeld: boolean;
  /** What was derived from this entry. Usually one dependency, so only a second one costs a set. */
  dependencies: EntryDependency | Set<EntryDependency> | undefined;
  /** Neighbours in the store's `LruList`; `null` outside of it. */
  newer: Entry | null;
  older: Entry | null;
}

/** How a value is stored. */
export interface StoreOptions {
  readonly layer: string;
  /** Default: the cache's own TTL, and for `null` its negative TTL. */
  readonly ttlSeconds?: number | undefined;
  readonly version?: number | undefined;
  /** The size of a value that the caller has frozen and knows to be JSON-safe. Spares the walk through the value. */
  readonly bytes?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly isAffectedBy?: Dependent['isAffectedBy'];
  readonly request?: unknown;
}

/**
 * Whether `held` is at least as new as an announced `version` and `value`. A deletion announces the last version of the
 * record, so it is newer than a record of the same version.
 */
export function isAtLeastAsNew(held: Entry, version: number, value: unknown): boolean {
  if (held.version === undefined) return false;
  return value === null ? held.version > version : held.version >= version;
}

/** Whether a change affects the value, see `Dependent.isAffectedBy`. */
export function isAffected(
  change: unknown,
  dependent: Dependent & { readonly value?: unknown },
  onError: (error: unknown) => void,
): boolean {
  if (!dependent.isAffectedBy) return true;
  try {
    return dependent.isAffectedBy(change, dependent.value);
  } catch (error) {
    // When in doubt, drop: an unnecessary load is cheaper than a stale answer.
    onError(error);
    return true;
  }
}
