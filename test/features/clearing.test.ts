// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { Cache } from '../../src/cache/index.ts';
import { ChangeFeed } from '../../src/changes/index.ts';
import { PerformanceService } from '../../src/features/performance/index.ts';
import { createFakeSource } from '../changes/fake-source.ts';

/** The service of one instance with a feed under the test's control. */
async function createService() {
  const { source, sent, up, sayText } = createFakeSource();
  const feed = new ChangeFeed({ source });
  const cache = new Cache();
  const service = new PerformanceService({
    cache,
    feed,
    instanceId: 'this one',
    countManagers: async () => 0,
    countListeners: async () => 1,
    sockets: () => ({ activeConnections: 0, activeSubscriptions: 0 }),
    audit: () => ({ audited: 0, stale: 0, visibilityP50Ms: null, visibilityP99Ms: null }),
    onError: () => {},
  });
  await feed.start();
  up();
  return { cache, service, hearOwnOrder: () => sayText(sent.shift()!) };
}

test.each([
  ['clearCache', (service: PerformanceService) => service.clearCache()],
  ['invalidateCache', (service: PerformanceService) => service.invalidateCache('workstations_*')],
])('%s also removes entries stored before the command arrived', async (_name, clear) => {
  const { cache, service, hearOwnOrder } = await createService();
  cache.set('workstations_1', 'held');
  const clearing = clear(service);
  expect(cache.get('workstations_1')).toBeUndefined();
  // A change announced before the command is older than it, and readers may have loaded it from a second tier.
  cache.set('workstations_1', 'announced before the order');
  hearOwnOrder();
  expect(await clearing).toMatchObject({ entriesRemoved: 1 });
  expect(cache.get('workstations_1')).toBeUndefined();
});
