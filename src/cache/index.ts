export type { AnnouncedRecord, Announcement } from './announcement.ts';
export { Cache } from './cache.ts';
export type { CacheDependency, OnDependencyEnd } from './cache-dependency.ts';
export { Cached, type CachedOptions } from './cached.ts';
export { type Clock, systemClock } from './clock.ts';
export type { CacheOptions, FillLease, Primed, PrimeOptions, ReadOptions } from './contract.ts';
export { MAX_PATTERN_LENGTH, PatternError } from './glob.ts';
export { type EntryOrder, type EntryPlace, MAX_PLACE_ID_LENGTH } from './inspection/entry-order.ts';
export {
  type CacheInspection,
  type DerivedValue,
  type EntryPage,
  type InspectedEntry,
  type ListedEntry,
  MAX_KEYS_TOLD,
} from './inspection/inspection.ts';
export { ReadTrace } from './read-trace.ts';
export type { SecondTier, TierMessage, TierRecord, TierVisit } from './second-tier.ts';
export { type Picked, ServedSample, type ServedSampleOptions } from './served-sample.ts';
export { stableJson } from './stable-json.ts';
export type { Dependent, Entry, Evolution, StoreOptions } from './store/entry.ts';
export { LruList, type LruNode } from './store/lru-list.ts';
export type { Removal, RemovalListener } from './store/removal.ts';
export type { RemovalCause } from './store/removal-cause.ts';
export type { LoggedRemoval, RemovalOrigin } from './store/removal-log.ts';
export { type CacheLayerStats, type CacheStats, type LayerCounters, SECOND_TIER_LAYER } from './store/stats.ts';
export { flatObjectBytes } from './store/value.ts';
