import type { Clock } from '../cache/index.ts';

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  advanceSeconds(seconds: number): void;
}

export function createTestClock(startMs = Date.parse('2030-01-01T00:00:00Z')): TestClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advanceSeconds: (seconds) => {
      nowMs += 1000 * seconds;
    },
  };
}
