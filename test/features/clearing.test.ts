// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { Cache } from '../../src/cache/index.ts';
import { ChangeFeed } from '../../src/changes/index.ts';
import { CacheClearing } from '../../src/features/cache/index.ts';
import { createFakeSource } from '../changes/fake-source.ts';

/** The clearing of one instance with a feed under the test's control. */
async function createClearing() {
  const { source, sent, up, sayText } = createFakeSource();
  const feed = new ChangeFeed({ source });
  const cache = new Cache();
  const clearing = new CacheClearing({ cache, feed, instanceId: 'this one', onError: () => {} });
  await feed.start();
  up();
  return { cache, clearing, hearOwnOrder: () => sayText(sent.shift()!) };
}

test.each([
  ['clearCache', (clearing: CacheClearing) => clearing.clearCache()],
  ['invalidateCache', (clearing: CacheClearing) => clearing.invalidateCache('workstations_*')],
])('%s also removes entries stored before the command arrived', async (_name, clear) => {
  const { cache, clearing, hearOwnOrder } = await createClearing();
  cache.set('workstations_1', 'held');
  const result = clear(clearing);
  expect(cache.get('workstations_1')).toBeUndefined();
  // A change announced before the command is older than it, and readers may have loaded it from a second tier.
  cache.set('workstations_1', 'announced before the order');
  hearOwnOrder();
  expect(await result).toMatchObject({ entriesRemoved: 1 });
  expect(cache.get('workstations_1')).toBeUndefined();
});
