/** The server's own figures at one moment. */
export interface Sample {
  readonly atSeconds: number;
  readonly heapMb: number;
  readonly residentMb: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly subscriptions: number;
}

/** The first part of the run warms up caches, pools and the compiler. */
const WARM_UP = 0.3;

/**
 * The allowed rise from the first half after the warm-up to the second: a share of the figure plus a margin for noise.
 */
const TOLERANCE = {
  heapMb: { part: 0.1, plus: 5 },
  residentMb: { part: 0.15, plus: 20 },
  descriptors: { part: 0.1, plus: 10 },
  sockets: { part: 0.1, plus: 10 },
  subscriptions: { part: 0.1, plus: 10 },
} as const;

/**
 * Finds the figures that have grown. It compares the lower quartiles of both halves: memory rises until it is
 * collected, and load varies, but leaked memory shows even in the lowest values.
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
