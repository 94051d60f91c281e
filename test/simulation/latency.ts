import type { Random } from '../coherence/random.ts';
import type { Climate } from './climate.ts';

/** How long one message takes: usually 0.05 to 1 ms, sometimes up to a hundred times as long. */
export function createLatency(random: Random, { slowness }: Pick<Climate, 'slowness'>): () => number {
  return () => {
    const usualMs = 0.05 + 0.95 * random.next();
    return slowness > 0 && random.chance(slowness) ? usualMs * 100 * random.next() : usualMs;
  };
}

/** Waiting times between events that are independent of each other. */
export function exponential(random: Random, meanMs: number): number {
  return -Math.log(1 - random.next()) * meanMs;
}
