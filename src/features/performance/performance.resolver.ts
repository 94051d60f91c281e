import { randomUUID } from 'node:crypto';
import { Arg, Authorized, FieldResolver, Int, Mutation, Query, Resolver, Subscription } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { Cache } from '../../cache/index.ts';
import { createOperation } from '../../collections/index.ts';
import { countListeners } from '../../database/listeners.ts';
import type { FeatureParts } from '../feature.ts';
import { managers } from '../manager/index.ts';
import { cacheStats, PERFORMANCE_METRICS_UPDATED, PerformanceService } from './performance.service.ts';
import {
  CacheStats,
  ClearCacheResult,
  InstanceMetrics,
  InvalidateCacheResult,
  PerformanceMetrics,
} from './performance.type.ts';

const DEFAULT_PERIOD_SECONDS = 5;

@Resolver(() => PerformanceMetrics)
export class PerformanceResolver {
  readonly #cache: Cache;
  readonly #service: PerformanceService;

  constructor({ audit, cache, collections, database, feed, onError, sockets }: FeatureParts) {
    this.#cache = cache;
    this.#service = new PerformanceService({
      cache,
      feed,
      instanceId: randomUUID(),
      countManagers: () => collections.of(managers).count({}, createOperation()),
      countListeners: () => countListeners(database),
      sockets,
      audit,
      onError,
    });
  }

  @Authorized<Role>('ADMIN')
  @Query(() => CacheStats, { description: 'What the cache of this instance did since its start. For admins.' })
  cacheStats(): CacheStats {
    return cacheStats(this.#cache);
  }

  @Authorized<Role>('ADMIN')
  @Query(() => PerformanceMetrics, { description: 'How this instance is doing. For admins.' })
  performanceMetrics(): Promise<Omit<PerformanceMetrics, 'instances'>> {
    return this.#service.metrics();
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => ClearCacheResult, { description: 'Removes everything from the caches of all instances. For admins.' })
  clearCache(): Promise<ClearCacheResult> {
    return this.#service.clearCache();
  }

  @Authorized<Role>('ADMIN')
  @Mutation(() => InvalidateCacheResult, {
    description: 'Removes the entries whose keys a pattern selects, on all instances. For admins.',
  })
  invalidateCache(
    @Arg('pattern', () => String, {
      description: 'A glob over whole keys, such as `workstations_*`: * stands for anything, ? for one character.',
    })
    pattern: string,
  ): Promise<InvalidateCacheResult> {
    return this.#service.invalidateCache(pattern);
  }

  @Authorized<Role>('ADMIN')
  @Subscription(() => PerformanceMetrics, {
    description: 'How this instance is doing: now, and then again every so many seconds. For admins.',
    topics: PERFORMANCE_METRICS_UPDATED,
    topicId: ({ args }) => args.everySeconds ?? DEFAULT_PERIOD_SECONDS,
  })
  performanceMetricsUpdated(
    @Arg('everySeconds', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_PERIOD_SECONDS,
      description: 'The time between two updates, 1 to 3,600 seconds.',
    })
    _everySeconds: number | null,
  ): Promise<Omit<PerformanceMetrics, 'instances'>> {
    return this.#service.metrics();
  }

  @FieldResolver(() => [InstanceMetrics], {
    description: 'All instances that share this database; each is asked, and those that do not answer are left out.',
  })
  instances(): Promise<InstanceMetrics[]> {
    return this.#service.instances();
  }
}
