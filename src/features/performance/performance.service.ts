import type { Cache } from '../../cache/index.ts';
import { type ChangeFeed, type Command, createPushStream } from '../../changes/index.ts';
import { StationmasterError } from '../../errors.ts';
import {
  MAX_MINUTES,
  type PerformanceHistory,
  type PerformanceSample,
} from '../../observability/performance-history.ts';
import { askForHistory, sendHistory } from './instance-history.ts';
import { collectReports } from './instance-reports.ts';
import type { InstanceMetrics, PerformanceMetrics } from './performance.type.ts';

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
  readonly history: Pick<PerformanceHistory, 'since' | 'latest'>;
  readonly onError: (error: unknown) => void;
}

/** What admins see of this instance and of the others. */
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

  /**
   * How an instance did in the last minutes, the oldest sample first.
   * @param of the instance; `null`: this one
   * @throws {StationmasterError} BAD_USER_INPUT unless `minutes` is 1 to 60; otherwise as `askForHistory`
   */
  async history(minutes: number, of: string | null): Promise<readonly PerformanceSample[]> {
    if (!(minutes >= 1 && minutes <= MAX_MINUTES)) {
      const message = `The history is that of the last 1 to ${MAX_MINUTES} minutes; got ${minutes}.`;
      throw new StationmasterError('BAD_USER_INPUT', message, { field: 'minutes' });
    }
    const { feed, history, instanceId: from } = this.#options;
    return of === null || of === from ? history.since(minutes) : askForHistory(feed, { of, from, minutes });
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

  #obey(command: Command): void {
    const { feed, history, instanceId: from, onError } = this.#options;
    switch (command.command) {
      case 'report':
        if (command.from === from) break;
        feed
          .send({ command: 'reported', question: command.question, from, report: { ...this.#report() } })
          .catch(onError);
        break;
      case 'history':
        if (command.of === from) sendHistory(feed, history, command).catch(onError);
    }
  }

  #report(): InstanceMetrics {
    const { audit, cache, feed, history, instanceId, sockets } = this.#options;
    const { hits, misses, size } = cache.getStats();
    const { activeConnections } = sockets();
    const { latest } = history;
    return { instanceId, hits, misses, size, activeConnections, feedState: feed.state, audit: audit(), latest };
  }
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
