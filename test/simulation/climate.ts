import type { Random } from '../coherence/random.ts';

export const FAULTS = [
  'cut',
  'deafen',
  'hold',
  'pause',
  'restart',
  'lose-tier',
  'flush-tier',
  'database-down',
  'database-frozen',
  'clear',
  'invalidate',
  'truncate',
] as const;

export type FaultName = (typeof FAULTS)[number];

/** The conditions of one simulation. Each has other ones, because a fault hides where the conditions hide it. */
export interface Climate {
  readonly instances: number;
  readonly hasTier: boolean;
  readonly maxEntries: number;
  readonly ttlSeconds: number;
  readonly negativeTtlSeconds: number;
  /** The mean time between two bursts of reads on an instance. */
  readonly readPeriodMs: number;
  /** How many records one burst reads, at most. */
  readonly burst: number;
  /** The mean time between two transactions. */
  readonly writePeriodMs: number;
  /** The part of the transactions that go through an instance, which answers them. */
  readonly ownWrites: number;
  /** The part of the statements and notifications that take up to a hundred times as long as usual. */
  readonly slowness: number;
  /** The part of the rows that are too big to be announced with their content. */
  readonly bigRows: number;
  /** The mean time between two faults of each kind. */
  readonly faultPeriodsMs: Readonly<Partial<Record<FaultName, number>>>;
}

export function drawClimate(random: Random): Climate {
  const faultPeriodsMs: Partial<Record<FaultName, number>> = {};
  for (const name of FAULTS) {
    if (random.chance(0.6)) faultPeriodsMs[name] = random.pick([2000, 8000, 30_000]);
  }
  const readPeriodMs = random.pick([5, 20, 100]);
  return {
    instances: random.pick([1, 2, 2, 3]),
    hasTier: random.chance(0.6),
    maxEntries: random.pick([8, 40, 1000, 1000]),
    ttlSeconds: random.pick([2, 20, 300]),
    negativeTtlSeconds: random.pick([1, 30]),
    readPeriodMs,
    burst: random.pick([20, 100, 300]),
    writePeriodMs: readPeriodMs * random.pick([0.5, 2, 8]),
    ownWrites: random.pick([0, 0.5, 0.9]),
    slowness: random.pick([0, 0.05, 0.3]),
    bigRows: random.pick([0, 0.1, 0.5]),
    faultPeriodsMs,
  };
}
