/** What the server said of itself at one moment. */
export interface Sample {
  readonly atSeconds: number;
  readonly heapMb: number;
  readonly residentMb: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly subscriptions: number;
}

/** The first part is for caches, pools and the compiler to fill. */
const WARM_UP = 0.3;

/** What a figure may rise from the first half after the warm-up to the second: a part of it, and something for chance. */
const TOLERANCE = {
  heapMb: { part: 0.1, plus: 5 },
  residentMb: { part: 0.15, plus: 20 },
  descriptors: { part: 0.1, plus: 10 },
  sockets: { part: 0.1, plus: 10 },
  subscriptions: { part: 0.1, plus: 10 },
} as const;

/**
 * Finds what has grown. Of each half the lower quartile counts: memory rises until it is collected, and load comes in waves,
 * but what leaks is there at the best of times, too.
 * @returns a sentence for each figure that is not flat
 */
export function findGrowth(samples: readonly Sample[]): string[] {
  const { atSeconds: end } = samples.at(-1)!;
  const settled = samples.filter(({ atSeconds }) => atSeconds >= end * WARM_UP);
  const middle = Math.floor(settled.length / 2);
  return (Object.keys(TOLERANCE) as (keyof typeof TOLERANCE)[]).flatMap((figure) => {
    const { part, plus } = TOLERANCE[figure];
    const [before, after] = [settled.slice(0, middle), settled.slice(middle)].map((half) =>
      lowerQuartile(half.map((sample) => sample[figure])),
    ) as [number, number];
    if (after <= before * (1 + part) + plus) return [];
    return [`${figure} grew from ${before.toFixed(1)} to ${after.toFixed(1)}`];
  });
}

function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 4)]!;
}
