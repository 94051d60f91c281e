import { graphql } from '../../graphql/index.ts';

export const SAMPLE = graphql(`
  fragment PerformanceFigures on PerformanceSample {
    timestamp
    hits
    misses
    evictions
    requests
    errors
    sqlStatements
    changes
    requestP50Ms
    requestP99Ms
    cacheSize
    cacheBytes
    memoryBytes
    activeConnections
    activeSubscriptions
  }
`);

export const METRICS = graphql(`
  fragment CurrentPerformance on PerformanceMetrics {
    instanceId
    uptimeSeconds
    changeFeed {
      state
      gaps
      reason
    }
    cache {
      hits
      misses
      evictions
      size
      bytes
      errors
      hitRatePercent
      layers {
        name
        hits
        misses
        evictions
        size
        hitRatePercent
      }
    }
    instances {
      instanceId
      feedState
      hits
      misses
      audit {
        audited
        stale
        visibilityP50Ms
        visibilityP99Ms
      }
      latest {
        ...PerformanceFigures
      }
    }
  }
`);

export const UPDATES = graphql(`
  subscription PerformanceUpdates {
    performanceMetricsUpdated(everySeconds: 5) {
      ...CurrentPerformance
    }
  }
`);

/** For monitors, who have no subscription. */
export const CURRENT = graphql(`
  query Performance {
    performanceMetrics {
      ...CurrentPerformance
    }
  }
`);

export const HISTORY = graphql(`
  query PerformanceHistory($instanceId: ID!) {
    performanceHistory(minutes: 60, instanceId: $instanceId) {
      ...PerformanceFigures
    }
  }
`);
