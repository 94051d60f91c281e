/** Counters of one layer, such as `workstations` or `workstations_list`. */
export interface CacheLayerStats {
  readonly name: string;
  /** Reads answered without a load of their own. */
  readonly hits: number;
  readonly misses: number;
  /** Entries held now. */
  readonly size: number;
  /** Entries pushed out by the bounds; expiry and invalidation do not count. */
  readonly evictions: number;
  /** `100 * hits / (hits + misses)`; 0 before the first read. */
  readonly hitRatePercent: number;
}

export interface CacheStats extends Omit<CacheLayerStats, 'name'> {
  /** Approximate memory held by the entries. */
  readonly bytes: number;
  /** Faults the cache went around: a read was answered, only not from here. */
  readonly errors: number;
  readonly layers: readonly CacheLayerStats[];
}

/** The layer that stands for the second tier. What it is asked for the first tier has counted as a miss. */
export const SECOND_TIER_LAYER = 'redis';

export interface LayerCounters {
  hits: number;
  misses: number;
  size: number;
  evictions: number;
}

export function summarize(
  layers: ReadonlyMap<string, LayerCounters>,
  totals: { bytes: number; errors: number },
  others: ReadonlyMap<string, LayerCounters>,
): CacheStats {
  const sum: LayerCounters = { hits: 0, misses: 0, size: 0, evictions: 0 };
  for (const layer of layers.values()) {
    sum.hits += layer.hits;
    sum.misses += layer.misses;
    sum.size += layer.size;
    sum.evictions += layer.evictions;
  }
  // What the others have no answer to is asked of the layers of the cache itself, and counts as a miss there. Nor are
  // they asked for what those hold, except for the derived ones: a hit there spares all the reads below it.
  for (const [name, { hits }] of others) if (name !== SECOND_TIER_LAYER) sum.hits += hits;
  return {
    ...sum,
    ...totals,
    hitRatePercent: hitRatePercent(sum),
    layers: [...layers, ...others].map(([name, counters]) => ({
      name,
      ...counters,
      hitRatePercent: hitRatePercent(counters),
    })),
  };
}

function hitRatePercent({ hits, misses }: LayerCounters): number {
  return hits + misses === 0 ? 0 : (100 * hits) / (hits + misses);
}
