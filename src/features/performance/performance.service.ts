import { type Cache, PatternError } from '../../cache/index.ts';
import { type ChangeFeed, type Command, createPushStream } from '../../changes/index.ts';
import { StationmasterError } from '../../errors.ts';
import { collectReports } from './instance-reports.ts';
import type {
  ClearCacheResult,
  InstanceMetrics,
  InvalidateCacheResult,
  PerformanceMetrics,
} from './performance.type.ts';

export const PERFORMANCE_METRICS_UPDATED = 'performanceMetricsUpdated';

const MAX_PERIOD_SECONDS = 3600;

/** All but `instances`, which are asked only when somebody wants to know. */
type InstanceFigures = Omit<PerformanceMetrics, 'instances'>;

export interface PerformanceServiceOptions {
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  readonly instanceId: string;
  readonly countManagers: () => Promise<number>;
  /** How many instances listen to the changes of this database. */
  readonly countListeners: () => Promise<number>;
  readonly sockets: () => PerformanceMetrics['websockets'];
  readonly audit: () => PerformanceMetrics['audit'];
  readonly onError: (error: unknown) => void;
}

/** What admins see of this instance, and what they do to the caches of all instances. */
export class PerformanceService {
  readonly #options: PerformanceServiceOptions;

  constructor(options: PerformanceServiceOptions) {
    this.#options = options;
    options.feed.follow({ onCommand: (command) => this.#obey(command) });
  }

  /** Asks all instances over the change feed. While that is down, this one is all there is to tell of. */
  instances(): Promise<InstanceMetrics[]> {
    return collectReports(this.#options, this.#report());
  }

  async metrics(): Promise<InstanceFigures> {
    const { audit, cache, countManagers, feed, instanceId, sockets } = this.#options;
    return {
      cache: cacheStats(cache),
      managers: { count: await countManagers() },
      websockets: { ...sockets() },
      changeFeed: { state: feed.state, gaps: feed.gaps, reason: feed.reason },
      audit: audit(),
      uptimeSeconds: process.uptime(),
      instanceId,
      timestamp: new Date(),
    };
  }

  /** Removes everything, here before it returns and on the other instances as soon as they hear of it. */
  async clearCache(): Promise<ClearCacheResult> {
    const entriesRemoved = this.#options.cache.clear();
    await this.#tellOthers({ command: 'clearCache', from: this.#options.instanceId });
    return {
      message: `The cache was cleared: ${countOf(entriesRemoved)} removed.`,
      entriesRemoved,
      timestamp: new Date(),
    };
  }

  /**
   * Removes what a glob selects, here before it returns and on the other instances as soon as they hear of it.
   * @throws {StationmasterError} BAD_USER_INPUT when the pattern is blank or too long
   */
  async invalidateCache(pattern: string): Promise<InvalidateCacheResult> {
    const entriesRemoved = this.#invalidate(pattern);
    await this.#tellOthers({ command: 'invalidateCache', pattern, from: this.#options.instanceId });
    const message = `Removed ${countOf(entriesRemoved)} matching ${pattern}.`;
    return { message, pattern, entriesRemoved, timestamp: new Date() };
  }

  #invalidate(pattern: string): number {
    try {
      return this.#options.cache.invalidate(pattern);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw new StationmasterError('BAD_USER_INPUT', error.message, { field: 'pattern', cause: error });
    }
  }

  #obey(command: Command): void {
    const { cache, feed, instanceId: from, onError } = this.#options;
    switch (command.command) {
      // Those of this instance, too: what was announced before them may have come in since, and be older than the order.
      case 'clearCache':
        cache.clear();
        break;
      case 'invalidateCache':
        cache.invalidate(command.pattern);
        break;
      case 'report':
        if (command.from === from) break;
        feed
          .send({ command: 'reported', question: command.question, from, report: { ...this.#report() } })
          .catch(onError);
    }
  }

  #report(): InstanceMetrics {
    const { audit, cache, feed, instanceId, sockets } = this.#options;
    const { hits, misses, size } = cache.getStats();
    const { activeConnections } = sockets();
    return { instanceId, hits, misses, size, activeConnections, feedState: feed.state, audit: audit() };
  }

  // An instance that cannot be told has lost the feed, and drops everything before it serves from its cache again.
  async #tellOthers(command: Command): Promise<void> {
    await this.#options.feed.send(command).catch(this.#options.onError);
  }
}

function countOf(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`;
}

export function cacheStats(cache: Cache): PerformanceMetrics['cache'] {
  const { layers, ...totals } = cache.getStats();
  return { ...totals, layers: layers.map((layer) => ({ ...layer })) };
}

/**
 * Ticks at once and then every so many seconds; the figures are taken when a tick is answered.
 * @throws {StationmasterError} BAD_USER_INPUT when the period is not 1 to 3,600 seconds
 */
export function streamMetricTicks(everySeconds: number): AsyncIterable<null> {
  if (!(everySeconds >= 1 && everySeconds <= MAX_PERIOD_SECONDS)) {
    const message = `Metrics come every 1 to ${MAX_PERIOD_SECONDS} seconds; got ${everySeconds}.`;
    throw new StationmasterError('BAD_USER_INPUT', message, { field: 'everySeconds' });
  }
  return createPushStream<null>(
    (push) => {
      push(null);
      const timer = setInterval(() => push(null), everySeconds * 1000);
      return () => clearInterval(timer);
    },
    // Not shared: whoever subscribes gets the first figures at once.
    { isShared: false, keyOf: () => 'figures', missed: () => null },
  );
}
