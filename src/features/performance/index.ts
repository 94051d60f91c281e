import type { Feature } from '../feature.ts';
import { PerformanceResolver } from './performance.resolver.ts';
import { PERFORMANCE_METRICS_UPDATED, streamMetricTicks } from './performance.service.ts';

/** What admins see of the instances. */
export const performanceFeature: Feature = {
  resolvers: [PerformanceResolver],
  streams: { [PERFORMANCE_METRICS_UPDATED]: (_parts, everySeconds) => streamMetricTicks(everySeconds as number) },
};
