import type { Clock } from './clock.ts';
import type { Entry, StoreOptions } from './entry.ts';
import type { ReadTrace } from './read-trace.ts';
import type { SecondTier } from './redis/second-tier.ts';

export interface CacheOptions {
  /** How long a value is served. Default 300. */
  readonly ttlSeconds?: number;
  /** How long "known to be absent" is served. Default 30. */
  readonly negativeTtlSeconds?: number;
  /** Default 100,000. */
  readonly maxEntries?: number;
  /** Approximate. Default 256 MiB. */
  readonly maxBytes?: number;
  /** How long after trust was lost, or a TTL ran out, a value may stand in for a load that failed. Default 60. */
  readonly staleIfErrorSeconds?: number;
  /** Whether a failed load is an outage, in which the last known value is better than none. Default: never. */
  readonly isOutage?: (error: unknown) => boolean;
  /** Kept in step with everything announced, and asked by `readRecords` for what is not held here. Default: none. */
  readonly secondTier?: SecondTier;
  /** Told of every fault the cache went around. */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
}

export interface ReadOptions<V> {
  readonly layer: string;
  readonly ttlSeconds?: number;
  /** The tags of one key's value. */
  readonly tagsOf?: (key: string) => readonly string[];
  /** As `Dependent.isAffectedBy`, for one key's value, which is `undefined` while the load is still running. */
  readonly isAffectedBy?: (change: unknown, value: V | undefined, key: string) => boolean;
  readonly versionOf?: (value: V) => number;
  readonly trace?: ReadTrace;
}

/** Handed to a load: what the load brought along may be stored through it, as long as nothing overtook it. */
export interface FillLease {
  /**
   * Stores a record that came with the load, unless it changed since the load began.
   * @returns the entry that holds it, which may be an older one of the same version; `null` when it could not be stored
   */
  prime(key: string, value: unknown, options: StoreOptions): Entry | null;
  /** Whether what the load found under a key it was asked for may still be stored. */
  mayFill(key: string): boolean;
}

/** A change, told in the order in which changes were committed. */
export interface Announcement {
  /**
   * `version`: the new one; of a deletion, the last one. `value`: the new content; `null`: deleted; `undefined`:
   * changed, but the content is not known.
   */
  readonly records: readonly { readonly key: string; readonly version: number; readonly value: unknown }[];
  /** Whatever carries one of these tags is asked whether `change` affects it. */
  readonly tags: readonly string[];
  readonly change: unknown;
}
