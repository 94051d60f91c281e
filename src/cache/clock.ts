/** Where the cache gets its time from: milliseconds since the epoch. Tests inject one they can move. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
