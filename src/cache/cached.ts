import type { Cache } from './cache.ts';
import { ReadTrace } from './read-trace.ts';
import { stableJson } from './stable-json.ts';

export interface CachedOptions {
  /** How long a result is served. */
  readonly ttlSeconds?: number;
  /** The first words of the key; the arguments follow. */
  readonly keyPrefix: string;
  /** Tags under which changes are announced that alter the result. Without any, only the TTL ends it. */
  readonly tags?: readonly string[];
}

/**
 * Reads a method through the cache that its object carries as `cache`.
 *
 * The key is `keyPrefix`, or `keyPrefix_<arguments as JSON, object keys sorted>`, so the method takes only JSON-safe
 * arguments and its result depends on nothing but them: not on who asks. Authorization is decided before it is called.
 * A `ReadTrace` among the arguments is no part of the key: the read is added to it.
 *
 * @throws {TypeError} when called with an argument, or giving a result, that is not JSON-safe
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
