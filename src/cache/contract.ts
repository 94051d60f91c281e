import type { Clock } from './clock.ts';
import type { ReadTrace } from './read-trace.ts';
import type { SecondTier } from './second-tier.ts';
import type { ServedSample } from './served-sample.ts';
import type { Entry, Evolution, StoreOptions } from './store/entry.ts';

export interface CacheOptions {
  /** Seconds for which a value is fresh. Default 300. */
  readonly ttlSeconds?: number;
  /** Seconds for which "known to be absent" (`null`) is fresh. Default 30. */
  readonly negativeTtlSeconds?: number;
  /** Default 100,000. */
  readonly maxEntries?: number;
  /** Bytes, by the cache's own estimate. Default 256 MiB. */
  readonly maxBytes?: number;
  /** Seconds after expiry, or after `suspend`, in which a value may replace a load that failed by an outage. Default 60. */
  readonly staleIfErrorSeconds?: number;
  /** Whether a failed load is an outage, in which the last known value is better than an error. Default: never. */
  readonly isOutage?: (error: unknown) => boolean;
  /** Receives every announcement. `Cache` does not read from it: loads do, see `SecondTier.visit`. Default: none. */
  readonly secondTier?: SecondTier;
  /** Picks what an audit looks at. Default: nothing is picked. */
  readonly sample?: ServedSample | undefined;
  /** Called with each load instead of the load itself, which it calls: to measure it. Default: nothing is around a load. */
  readonly aroundLoad?: AroundLoad | undefined;
  /** Receives every error that the cache handled by itself, such as one thrown by `isAffectedBy`. */
  readonly onError?: (error: unknown) => void;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

export type AroundLoad = <T>(layer: string, keys: readonly string[], load: () => Promise<T>) => Promise<T>;

export interface ReadOptions<V> {
  /** The layer whose statistics count the read, and that the loaded entries belong to. */
  readonly layer: string;
  /** Default: `CacheOptions.ttlSeconds`, and for `null` the negative TTL. */
  readonly ttlSeconds?: number;
  /** The tags of the value under `key`. */
  readonly tagsOf?: (key: string) => readonly string[];
  /** Like `Dependent.isAffectedBy`, for the value under `key`; the value is `undefined` while the load runs. */
  readonly isAffectedBy?: (change: unknown, value: V | undefined, key: string) => boolean;
  /** Brings the value up to date with the changes that `isAffectedBy` says no to. Default: they leave it as it is. */
  readonly evolution?: Evolution<V>;
  /** The version of a record. It rises with every write. Not called for `null`. */
  readonly versionOf?: (value: V) => number;
  /** Whether the value is loaded whatever the cache, or a load that is running, has of it. Default `false`. */
  readonly reload?: boolean;
  /** By what the value under `key` can be loaded again: it is kept with the entry, as it is. */
  readonly requestOf?: (key: string) => unknown;
  /** Records what the read returned. */
  readonly trace?: ReadTrace;
}

/** What became of a record that a load brought along, see `FillLease.prime`. */
export type Primed = Entry | 'no room' | null;

export interface PrimeOptions<V> {
  readonly layer: string;
  readonly keyOf: (value: V) => string;
  readonly versionOf: (value: V) => number;
  /** As `StoreOptions.bytes`. */
  readonly bytesOf: (value: V) => number;
}

/** Passed to a load: permission to fill the cache, which ends for each key with the first change of it. */
export interface FillLease {
  /**
   * Stores a record that the load fetched along with the keys it was asked for, unless the record changed since the load
   * began.
   * @returns the entry that now holds the record, possibly an older entry of the same version; `'no room'` if the cache is
   * full, so that only records which are asked for displace others; `null` if the record may be outdated
   * @throws {TypeError} when `value` is not JSON-safe and `options.bytes` is left out
   */
  prime(key: string, value: unknown, options: StoreOptions): Primed;
  /** The same for several records at once, in order. */
  primeAll<V>(values: readonly V[], options: PrimeOptions<V>): Primed[];
  /** Whether the value that the load found for one of its own keys may still be stored. */
  mayFill(key: string): boolean;
}
