import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { App } from '../src/app.ts';
import type { Cache, Fence, ReadOptions } from '../src/cache/index.ts';
import type { ResponseCache as ResponseCacheType } from '../src/graphql/response-cache.ts';
import { announce, countStatements } from './measured-process.ts';

/*
 * The built server as a process of its own. `hot`: as in production. `cold`: as in production, but no request finds
 * anything that another one has brought into the cache.
 */

const statements = countStatements(import.meta.url, import.meta.resolve('@mikro-orm/postgresql'));

const { createApp } = await import('../dist/src/app.js' as string);
const { loadConfig } = await import('../dist/src/config.js' as string);

const app: App = await createApp(loadConfig(process.env));
if (process.argv[2] === 'cold') {
  await recognizeNoRequest();
  keepApart(app.cache);
}

announce({
  url: app.url,
  statements,
  clear: () => app.cache.clear(),
  details: () => app.cache.getStats(),
  close: () => app.close(),
});

/** Whole answers are kept, under a key that no other request has. */
async function recognizeNoRequest(): Promise<void> {
  const { ResponseCache } = (await import('../dist/src/graphql/response-cache.js' as string)) as {
    ResponseCache: typeof ResponseCacheType;
  };
  const { keyOf } = ResponseCache.prototype;
  let count = 0;
  ResponseCache.prototype.keyOf = function (this: ResponseCacheType, ...args) {
    const key = keyOf.apply(this, args);
    return key === null ? null : `${key}\n${++count}`;
  };
}

/**
 * Gives each request keys of its own. Emptying the cache at each request would not do: of many at a time, each would
 * still find what the others bring in meanwhile. So everything is looked up, loaded and stored, but never met again.
 */
function keepApart(cache: Cache): void {
  const requests = new AsyncLocalStorage<string>();
  let count = 0;
  // Published right before the server's listeners are called.
  subscribe('http.server.request.start', () => requests.enterWith(`${++count}|`));
  const readMany = cache.readMany.bind(cache);
  const findHeld = cache.findHeld.bind(cache);
  cache.findHeld = (key, options) => findHeld((requests.getStore() ?? '0|') + key, options);
  cache.readMany = function readApart<V>(
    keys: readonly string[],
    loadMissing: (missing: readonly string[], fence: Fence) => Promise<readonly V[]>,
    options: ReadOptions<V>,
  ): Promise<V[]> {
    const prefix = requests.getStore() ?? '0|';
    const apart = (key: string) => prefix + key;
    const plain = (key: string) => key.slice(prefix.length);
    const { tagsOf, isAffectedBy } = options;
    return readMany(
      keys.map(apart),
      (missing, { prime, mayKeep }) =>
        loadMissing(missing.map(plain), {
          prime: (key, value, storeOptions) => prime(apart(key), value, storeOptions),
          mayKeep: (key) => mayKeep(apart(key)),
        }),
      {
        ...options,
        tagsOf: tagsOf && ((key) => tagsOf(plain(key))),
        isAffectedBy: isAffectedBy && ((change, value, key) => isAffectedBy(change, value, plain(key))),
      },
    );
  };
}
