import {
  type PerformanceCounters,
  PerformanceHistory,
  type PerformanceState,
} from '../../src/observability/performance-history.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';

const NOTHING: PerformanceCounters = {
  hits: 0,
  misses: 0,
  evictions: 0,
  requests: 0,
  errors: 0,
  sqlStatements: 0,
  changes: 0,
};

const STATE: PerformanceState = {
  cacheSize: 7,
  cacheBytes: 900,
  memoryBytes: 1e8,
  activeConnections: 2,
  activeSubscriptions: 3,
};

const NO_REQUESTS = { requestP50Ms: null, requestP99Ms: null };

/** A history of figures that the test sets. It has begun. */
function createHistory(startMs?: number) {
  const timers = createManualTimers(startMs);
  const figures = {
    counters: NOTHING,
    latencies: NO_REQUESTS as { requestP50Ms: number | null; requestP99Ms: number | null },
  };
  const history = new PerformanceHistory(
    { counters: () => figures.counters, state: () => STATE, takeLatencies: () => figures.latencies },
    timers,
  );
  const stop = history.start();
  const pass = (samples: number) => {
    for (let taken = 0; taken < samples; taken++) timers.advance(5000);
  };
  return { history, figures, timers, stop, pass };
}

test('takes a sample every five seconds, in which counters are rates', () => {
  const { history, figures, pass } = createHistory(Date.parse('2030-01-01T00:00:00Z'));
  expect(history.since(60)).toEqual([]);
  expect(history.latest).toBeNull();
  figures.counters = { ...NOTHING, hits: 40, requests: 10, sqlStatements: 1 };
  figures.latencies = { requestP50Ms: 1.5, requestP99Ms: 9 };
  pass(1);
  figures.counters = { ...figures.counters, hits: 41, changes: 500 };
  figures.latencies = NO_REQUESTS;
  pass(1);
  expect(history.since(60)).toEqual([
    {
      timestamp: new Date('2030-01-01T00:00:05Z'),
      ...NOTHING,
      hits: 8,
      requests: 2,
      sqlStatements: 0.2,
      requestP50Ms: 1.5,
      requestP99Ms: 9,
      ...STATE,
    },
    { timestamp: new Date('2030-01-01T00:00:10Z'), ...NOTHING, hits: 0.2, changes: 100, ...NO_REQUESTS, ...STATE },
  ]);
  expect(history.latest).toBe(history.since(60)[1]);
});

test('divides by the time that really went by', () => {
  const { history, figures, timers } = createHistory();
  figures.counters = { ...NOTHING, requests: 100 };
  // The process was busy, or asleep.
  timers.advance(20_000);
  expect(history.latest!.requests).toBe(5);
});

test('keeps an hour', () => {
  const { history, figures, pass } = createHistory();
  for (let sample = 1; sample <= 800; sample++) {
    figures.counters = { ...NOTHING, requests: 5 * sample * sample };
    pass(1);
  }
  const kept = history.since(60);
  expect(kept).toHaveLength(720);
  // Of the sample n, 5 n² - 5 (n - 1)² requests in five seconds.
  expect(kept.map(({ requests }) => requests)).toEqual(Array.from({ length: 720 }, (_, index) => 2 * (81 + index) - 1));
});

test('gives the last so many minutes', () => {
  const { history, pass } = createHistory();
  pass(100);
  expect(history.since(1)).toHaveLength(12);
  expect(history.since(15)).toHaveLength(100);
  expect(history.since(1)).toEqual(history.since(15).slice(-12));
});

test('goes on when the clock is set back', () => {
  const { history, figures, timers, pass } = createHistory();
  pass(1);
  figures.counters = { ...NOTHING, requests: 10 };
  const now = timers.now;
  Object.assign(timers, { now: () => now() - 3_600_000 });
  timers.advance(5000);
  expect(history.latest!.requests).toBe(2);
});

test('takes no more samples once it is stopped', () => {
  const { history, timers, stop, pass } = createHistory();
  pass(2);
  stop();
  pass(2);
  expect(history.since(60)).toHaveLength(2);
  expect(timers.pending).toBe(0);
});
