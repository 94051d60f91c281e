export { PerformanceResolver } from './performance.resolver.ts';
export { PERFORMANCE_METRICS_UPDATED, PerformanceService, streamMetricTicks } from './performance.service.ts';
