/** Counters of one layer, such as `workstations` or `workstations_list`. */
export interface CacheLayerStats {
  readonly name: string;
  /** Reads answered without a load of their own, including those that joined a running load. */
  readonly hits: number;
  readonly misses: number;
  /** Entries held now. */
  readonly size: number;
  /** Entries removed because of `maxEntries` or `maxBytes`. Other removals do not count. */
  readonly evictions: number;
  /** `100 * hits / (hits + misses)`; 0 before the first read. */
  readonly hitRatePercent: number;
}

export interface CacheStats extends Omit<CacheLayerStats, 'name'> {
  /** Estimated memory of the entries, in bytes. */
  readonly bytes: number;
  /** Errors that the cache handled by itself. No read failed because of them. */
  readonly errors: number;
  readonly layers: readonly CacheLayerStats[];
}

/** The layer of the second tier. The cache counted a miss for each of its reads. */
export const SECOND_TIER_LAYER = 'redis';

/** The counters of a layer, updated in place. */
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
  // A miss in a derived layer leads to reads of the cache's own layers, which are counted there; a hit replaces them.
  // Reads of the second tier follow a miss that was counted already.
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
