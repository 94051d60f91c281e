import type { RemovalCause } from './removal-cause.ts';

/** The part of an entry, or of a running load, that decides which announcements concern it. */
export interface Dependent {
  readonly tags: readonly string[];
  /**
   * Whether a change announced under one of `tags` can alter `value`, which is `undefined` while a load is running.
   * Default: every such change can. If it throws, the answer counts as yes.
   */
  readonly isAffectedBy?: ((change: unknown, value: unknown) => boolean) | undefined;
  /** What becomes of the value by changes that do not affect it in that sense. Default: nothing. */
  // biome-ignore lint/suspicious/noExplicitAny: each layer has values of its own
  readonly evolution?: Evolution<any> | undefined;
}

/**
 * How the values of a layer are brought up to date with changes, in the place of being dropped. Every change is announced to
 * a value once, in the order of the announcements, and to one that was being loaded meanwhile once it is there. One that may
 * have missed a change is told of no later one.
 */
export interface Evolution<V> {
  /**
   * The value after a change: `value` itself if it stays the same, or had the change already when it was loaded.
   * `undefined`: it cannot be told, so the value is dropped. That may not happen to a value that was just loaded, within
   * `MAX_REPLAYED` changes.
   */
  next(change: unknown, value: V, key: string): V | undefined;
  /** Whether a value that was just loaded is from an older state than the one that is held. */
  isOlder(loaded: V, held: V): boolean;
  /** An estimate of what is kept beside the value. */
  bytesBeside(value: V): number;
}

/** Something derived from entries that ends when one of them leaves the cache. */
export interface EntryDependency {
  /** @param cause why the entry left */
  end(cause: RemovalCause, entry: Entry): void;
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
  /** The reads that it answered. Those of derived values do not count. */
  hits: number;
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
  readonly evolution?: Dependent['evolution'];
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
