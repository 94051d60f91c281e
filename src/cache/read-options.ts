import type { ReadOptions } from './contract.ts';
import type { Dependent, StoreOptions } from './store/entry.ts';

/** Which announcements concern a load of these keys. */
export function dependentOf<V>(
  keys: readonly string[],
  { layer, tagsOf, isAffectedBy, evolution }: ReadOptions<V>,
): Dependent & { readonly layer: string } {
  return {
    layer,
    tags: tagsOf ? [...new Set(keys.flatMap(tagsOf))] : [],
    isAffectedBy: isAffectedBy && ((change) => keys.some((key) => isAffectedBy(change, undefined, key))),
    evolution,
  };
}

/** How the value that a load found for `key` is stored. */
export function storeOptionsOf<V>(key: string, version: number | undefined, options: ReadOptions<V>): StoreOptions {
  const { layer, ttlSeconds, tagsOf, isAffectedBy, evolution, requestOf } = options;
  return {
    layer,
    ttlSeconds,
    version,
    tags: tagsOf?.(key),
    isAffectedBy: isAffectedBy && ((change, held) => isAffectedBy(change, held as V, key)),
    evolution,
    request: requestOf?.(key),
  };
}
