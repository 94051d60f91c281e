/** A random generator that gives the same sequence in every run: George Marsaglia's xorshift32, uniform in [0, 1). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const DRAWS = 2 ** 17;

/**
 * An endless sequence of numbers below `count` in which n occurs in proportion to 1 / (n + 1), like visits to the pages
 * of a site. The numbers are drawn beforehand, so that drawing costs nothing during a measurement.
 */
export function zipf(count: number, random: () => number): () => number {
  const cumulated = new Float64Array(count);
  let total = 0;
  for (let index = 0; index < count; index++) {
    total += 1 / (index + 1);
    cumulated[index] = total;
  }
  const draws = Uint32Array.from({ length: DRAWS }, () => firstAbove(cumulated, random() * total));
  let at = 0;
  return () => draws[at++ % DRAWS]!;
}

/** The index of the first value above `limit`; `values` ascend. */
function firstAbove(values: Float64Array, limit: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
