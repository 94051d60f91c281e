import { Arg, Authorized, FieldResolver, ID, Int, Query, Resolver, Subscription } from 'type-graphql';
import type { Role } from '../../auth/identity.ts';
import type { Cache } from '../../cache/index.ts';
import { createOperation } from '../../collections/index.ts';
import { countListeners } from '../../database/listeners.ts';
import { LISTS } from '../../graphql/page-size.ts';
import type { FeatureParts } from '../feature.ts';
import { managers } from '../manager/index.ts';
import { cacheStats, PERFORMANCE_METRICS_UPDATED, PerformanceService } from './performance.service.ts';
import { CacheStats, InstanceMetrics, PerformanceMetrics, PerformanceSample } from './performance.type.ts';

const DEFAULT_PERIOD_SECONDS = 5;
const DEFAULT_MINUTES = LISTS.performanceHistory.usual;

@Resolver(() => PerformanceMetrics)
export class PerformanceResolver {
  readonly #cache: Cache;
  readonly #service: PerformanceService;

  constructor({ audit, cache, collections, database, feed, history, instanceId, onError, sockets }: FeatureParts) {
    this.#cache = cache;
    this.#service = new PerformanceService({
      cache,
      feed,
      instanceId,
      countManagers: () => collections.of(managers).count({}, createOperation()),
      countListeners: () => countListeners(database),
      sockets,
      audit,
      history,
      onError,
    });
  }

  @Authorized<Role>('MONITOR')
  @Query(() => CacheStats, { description: 'What the cache of this instance did since its start. For monitors.' })
  cacheStats(): CacheStats {
    return cacheStats(this.#cache);
  }

  @Authorized<Role>('MONITOR')
  @Query(() => PerformanceMetrics, { description: 'How this instance is doing. For monitors.' })
  performanceMetrics(): Promise<Omit<PerformanceMetrics, 'instances'>> {
    return this.#service.metrics();
  }

  @Authorized<Role>('ADMIN')
  @Query(() => [PerformanceSample], {
    description:
      'How an instance did lately: a sample for every five seconds, the oldest first, at most an hour of them. For admins.',
  })
  performanceHistory(
    @Arg('minutes', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_MINUTES,
      description: 'How far back, 1 to 60 minutes.',
    })
    minutes: number | null,
    @Arg('instanceId', () => ID, {
      nullable: true,
      description:
        'The instance, see `performanceMetrics { instances { instanceId } }`; the one that answers when left out.',
    })
    instanceId: string | null = null,
  ): Promise<readonly PerformanceSample[]> {
    return this.#service.history(minutes ?? DEFAULT_MINUTES, instanceId);
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
