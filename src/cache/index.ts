export {
  comparePositions,
  type Direction,
  isPageAffected,
  type PageBounds,
  type Position,
} from '../collections/page.ts';
export { findHeldRecord, type RecordSource, readRecords } from '../collections/records.ts';
export { Cache } from './cache.ts';
export type { CacheDependency } from './cache-dependency.ts';
export { Cached, type CachedOptions, stableJson } from './cached.ts';
export { type Clock, systemClock } from './clock.ts';
export type { Announcement, CacheOptions, FillLease, ReadOptions } from './contract.ts';
export type { Entry } from './entry.ts';
export { MAX_PATTERN_LENGTH, PatternError } from './glob.ts';
export { LruList, type LruNode } from './lru-list.ts';
export { ReadTrace } from './read-trace.ts';
export { createRedisTier, type RedisTierOptions } from './redis/redis-tier.ts';
export { SecondTier, type SecondTierOptions, type TierMessage } from './redis/second-tier.ts';
export type { CacheLayerStats, CacheStats, LayerCounters } from './stats.ts';
export { flatObjectBytes } from './value.ts';
