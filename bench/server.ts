import { AsyncLocalStorage } from 'node:async_hooks';
import type { App } from '../src/app.ts';
import type { Cache, FillLease, ReadOptions } from '../src/cache/index.ts';
import type { ResponseCache } from '../src/operations/response-cache.ts';
import { announce, countStatements } from './measured-process.ts';

/*
 * The built server as a separate process. `hot`: as in production. `cold`: every request finds the caches empty.
 * `full`: every request finds the caches full of other values.
 */

const statements = countStatements(import.meta.url, import.meta.resolve('@mikro-orm/postgresql'));

const { disablePretenuring } = await import('../dist/src/process/garbage-collection.js' as string);
disablePretenuring();
const { createApp } = await import('../dist/src/app.js' as string);
const { loadConfig } = await import('../dist/src/config/config.js' as string);
const caches = (await import('../dist/src/cache/cache.js' as string)) as { Cache: typeof Cache };
const responses = (await import('../dist/src/operations/response-cache.js' as string)) as {
  ResponseCache: typeof ResponseCache;
};

const app: App = await createApp(loadConfig(process.env));
if (process.argv[2] === 'cold') beginEmpty(app.cache);
if (process.argv[2] === 'full') keepApart(app.cache);

announce({
  url: app.url,
  statements,
  clear: () => app.cache.clear(),
  details: () => app.cache.getStats(),
  close: () => app.close(),
});

/**
 * Gives each request its own caches. Clearing the server's caches would not do: concurrent requests would still find the
 * values that others loaded meanwhile. So each request looks up, loads and stores everything. What it stored is left to the
 * garbage collector, like everything else that a server makes for one request: no cold read removes what it has stored.
 */
function beginEmpty(cache: Cache): void {
  const requests = new AsyncLocalStorage<OwnCaches>();
  const outside = emptyCaches();
  const own = () => requests.getStore() ?? outside;
  const { keyOf, get, keep } = responses.ResponseCache.prototype;
  responses.ResponseCache.prototype.keyOf = function (this: ResponseCache, ...args) {
    requests.enterWith(emptyCaches());
    return keyOf.apply(this, args);
  };
  responses.ResponseCache.prototype.get = (...args) => get.apply(own().responses, args);
  responses.ResponseCache.prototype.keep = (...args) => keep.apply(own().responses, args);
  cache.findHeld = (...args) => own().values.findHeld(...args);
  cache.readPrimed = (...args) => own().values.readPrimed(...args);
  cache.readMany = (...args) => own().values.readMany(...args);
}

interface OwnCaches {
  readonly values: Cache;
  readonly responses: ResponseCache;
}

function emptyCaches(): OwnCaches {
  const values = new caches.Cache();
  return { values, responses: new responses.ResponseCache(values, { maxBytes: Number.POSITIVE_INFINITY }) };
}

/**
 * Gives each request its own keys in the shared caches, so that it finds nothing and its stores evict other entries.
 */
function keepApart(cache: Cache): void {
  const requests = new AsyncLocalStorage<string>();
  let count = 0;
  const { keyOf } = responses.ResponseCache.prototype;
  responses.ResponseCache.prototype.keyOf = function (this: ResponseCache, ...args) {
    requests.enterWith(`${++count}|`);
    const key = keyOf.apply(this, args);
    return key === null ? null : `${key}\n${count}`;
  };
  const readMany = cache.readMany.bind(cache);
  const findHeld = cache.findHeld.bind(cache);
  cache.findHeld = (key, options) => findHeld((requests.getStore() ?? '0|') + key, options);
  cache.readMany = function readApart<V>(
    keys: readonly string[],
    loadMissing: (missing: readonly string[], lease: FillLease) => Promise<readonly V[]>,
    options: ReadOptions<V>,
  ): Promise<V[]> {
    const prefix = requests.getStore() ?? '0|';
    const apart = (key: string) => prefix + key;
    const plain = withoutPrefix(prefix);
    return readMany(
      keys.map(apart),
      (missing, { prime, primeAll, mayFill }) =>
        loadMissing(missing.map(plain), {
          prime: (key, value, storeOptions) => prime(apart(key), value, storeOptions),
          primeAll: (values, options) =>
            primeAll(values, { ...options, keyOf: (value) => apart(options.keyOf(value)) }),
          mayFill: (key) => mayFill(apart(key)),
        }),
      withPlainKeys(options, plain),
    );
  };
}

/** A function of its own: the cache keeps these closures, and with them everything in their scope. */
function withPlainKeys<V>(options: ReadOptions<V>, plain: (key: string) => string): ReadOptions<V> {
  const { tagsOf, isAffectedBy } = options;
  return {
    ...options,
    tagsOf: tagsOf && ((key) => tagsOf(plain(key))),
    isAffectedBy: isAffectedBy && ((change, value, key) => isAffectedBy(change, value, plain(key))),
  };
}

function withoutPrefix({ length }: string): (key: string) => string {
  return (key) => key.slice(length);
}
