import type { SecondTier } from '../index.ts';
import { GenerationTier, type GenerationTierOptions } from './generation-tier.ts';
import { createRedisStore, type RedisStoreOptions } from './redis-store.ts';

export type RedisTierOptions = RedisStoreOptions & Omit<GenerationTierOptions, 'store'>;

/**
 * Creates a second cache tier in Redis or Valkey, version 5 or later. It connects when it is started.
 *
 * Importing this module loads `ioredis`, so import it only where a Redis is configured.
 */
export function createRedisTier(options: RedisTierOptions): SecondTier {
  return new GenerationTier({ ...options, store: createRedisStore(options) });
}
