/** A draw of chance that is the same in every run: George Marsaglia's xorshift32, uniform in [0, 1). */
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
 * An endless sequence of numbers below `count` in which number n comes in proportion to 1 / (n + 1), as visits to the
 * pages of a site do. Drawn beforehand, so that a number costs nothing while time is taken.
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

/** The first place whose value is above the limit, in ascending values. */
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
