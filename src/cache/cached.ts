import type { Cache } from './cache.ts';
import { ReadTrace } from './read-trace.ts';
import { stableJson } from './stable-json.ts';

export interface CachedOptions {
  /** Seconds for which a result is fresh. Default: the cache's own TTL. */
  readonly ttlSeconds?: number;
  /** The beginning of the key, and the name of the layer. */
  readonly keyPrefix: string;
  /** An announcement under one of these tags drops the result. Default: none, so that only the TTL ends it. */
  readonly tags?: readonly string[];
}

/**
 * Method decorator: reads the method's result through the cache in the object's `cache` property.
 *
 * The key is `keyPrefix`, or `keyPrefix_<arguments as JSON with sorted object keys>`. The result must therefore depend on
 * the arguments alone and not on the caller, so authorize before the call. A `ReadTrace` among the arguments is not part of
 * the key; the read is added to it.
 *
 * The decorated method rejects with a `TypeError` when an argument or the result is not JSON-safe.
 */
export function Cached({ ttlSeconds, keyPrefix, tags }: CachedOptions) {
  return <This extends { readonly cache: Cache }, Args extends unknown[], Result>(
    _prototype: This,
    _name: string | symbol,
    descriptor: TypedPropertyDescriptor<(this: This, ...args: Args) => Promise<Result>>,
  ): void => {
    const uncached = descriptor.value!;
    descriptor.value = async function (this: This, ...args: Args) {
      const trace = args.find((arg) => arg instanceof ReadTrace);
      const parts = args.filter((arg) => arg !== trace || trace === undefined);
      const key = parts.length === 0 ? keyPrefix : `${keyPrefix}_${parts.map(stableJson).join('_')}`;
      return this.cache.read(key, () => uncached.apply(this, args), {
        layer: keyPrefix,
        ttlSeconds,
        tagsOf: tags && (() => tags),
        trace,
      });
    };
  };
}
