import { Cache, type CacheOptions, type Removal } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

function createWatchedCache(options: CacheOptions = {}) {
  const clock = createTestClock();
  const errors: unknown[] = [];
  const cache = new Cache({ clock, ttlSeconds: 10, onError: (error) => errors.push(error), ...options });
  const removals: Removal[] = [];
  const stop = cache.onRemoval((removal) => removals.push(removal));
  /** What was removed since the last call: `key cause`. */
  const removed = async () => {
    await Promise.resolve();
    return removals.splice(0).map(({ key, cause }) => `${key} ${cause}`);
  };
  const announce = (key: string, version: number, value: unknown) =>
    cache.announce({ records: [{ key, version, value }], tags: [], change: null });
  return { cache, clock, errors, removals, removed, stop, announce };
}

const record = (version: number) => ({ layer: 'records', version });

describe('an entry that leaves the cache is reported as', () => {
  test('expired, when it is asked for after its TTL', async () => {
    const { cache, clock, removed } = createWatchedCache();
    cache.set('a', 1);
    clock.advanceSeconds(10);
    expect(await removed()).toEqual([]);
    cache.get('a');
    expect(await removed()).toEqual(['a expired']);
  });

  test('expired, when it is swept', async () => {
    const { cache, clock, removed } = createWatchedCache();
    for (const key of ['a', 'b']) cache.set(key, 1);
    clock.advanceSeconds(10);
    cache.cleanupExpired();
    expect(await removed()).toEqual(['a expired', 'b expired']);
  });

  test('expired, when a new value is stored after its TTL', async () => {
    const { cache, clock, removed } = createWatchedCache();
    const read = (key: string) => cache.read(key, async () => 2, { layer: 'values' });
    for (const key of ['set', 'read']) cache.set(key, 1);
    clock.advanceSeconds(10);
    cache.set('set', 2);
    await read('read');
    expect(await removed()).toEqual(['set expired', 'read expired']);
  });

  test('evicted, when there are too many entries or bytes', async () => {
    const few = createWatchedCache({ maxEntries: 1 });
    const small = createWatchedCache({ maxBytes: 1000 });
    for (const { cache } of [few, small]) for (const key of ['a', 'b']) cache.set(key, 'x'.repeat(300));
    expect([await few.removed(), await small.removed()]).toEqual([['a evicted'], ['a evicted']]);
    expect(few.cache.getStats().evictions).toBe(1);
  });

  test.each<[string, (cache: Cache) => unknown]>([
    ['deleted', (cache) => cache.delete('a')],
    ['cleared', (cache) => cache.clear()],
    ['matched by a pattern', (cache) => cache.invalidate('a*')],
    ['dropped when the cache resumes', (cache) => [cache.suspend(), cache.resume()]],
    ['affected by a change', (cache) => cache.announce({ records: [], tags: ['tag'], change: null })],
    [
      'changed and its content is unknown',
      (cache) => cache.announce({ records: [{ key: 'a', version: 2, value: undefined }], tags: [], change: null }),
    ],
  ])('invalidated, when it is %s', async (_how, invalidate) => {
    const { cache, removed } = createWatchedCache();
    cache.set('a', { version: 1 }, { ...record(1), tags: ['tag'] });
    invalidate(cache);
    expect(await removed()).toEqual(['a invalidated']);
    expect(cache.getStats()).toMatchObject({ size: 0, evictions: 0 });
  });

  test('invalidated, although its TTL was over, when nobody asked for it before', async () => {
    const { cache, clock, removed } = createWatchedCache();
    cache.set('a', 1);
    clock.advanceSeconds(10);
    cache.clear();
    expect(await removed()).toEqual(['a invalidated']);
  });

  test('invalidated, when loads disagree on whether it exists', async () => {
    const { cache, removed } = createWatchedCache();
    cache.set('a', 1);
    await cache.read('list', async (lease) => [lease.prime('a', null, { layer: 'values' })].length, { layer: 'lists' });
    expect(await removed()).toEqual(['a invalidated']);
  });

  test('invalidated, when a change of it is announced while nothing may be stored', async () => {
    const { cache, removed, announce } = createWatchedCache();
    cache.set('a', { version: 1 }, record(1));
    cache.suspend();
    announce('a', 2, { version: 2 });
    expect(await removed()).toEqual(['a invalidated']);
  });

  test('replaced, when a new value is set, loaded or announced', async () => {
    const { cache, removed, announce } = createWatchedCache();
    cache.set('a', { version: 1 }, record(1));
    cache.set('a', { version: 2 }, record(2));
    expect(await removed()).toEqual(['a replaced']);
    announce('a', 3, { version: 3 });
    expect(await removed()).toEqual(['a replaced']);
    const prime = (version: number) =>
      cache.read('list', async (lease) => [lease.prime('a', { version }, record(version))].length, { layer: 'lists' });
    await prime(4);
    expect(await removed()).toEqual(['a replaced']);
    announce('a', 4, null);
    expect(await removed()).toEqual(['a replaced']);
  });
});

test('an entry that is not replaced is not reported', async () => {
  const { cache, removed, announce } = createWatchedCache();
  cache.set('a', { version: 2 }, record(2));
  announce('a', 2, { version: 2 });
  announce('b', 1, { version: 1 });
  expect([cache.delete('b'), await removed()]).toEqual([false, []]);
});

test('a removal tells what the entry was', async () => {
  const { cache, clock, removals, removed } = createWatchedCache();
  cache.set('a', { version: 7 }, { layer: 'records', version: 7 });
  const storedAtMs = clock.now();
  const { bytes } = cache.getStats();
  clock.advanceSeconds(1);
  cache.delete('a');
  await Promise.resolve();
  expect(removals).toEqual([
    {
      cause: 'invalidated',
      key: 'a',
      layer: 'records',
      value: { version: 7 },
      version: 7,
      bytes,
      storedAtMs,
      expiresAtMs: storedAtMs + 10_000,
    },
  ]);
  await removed();
});

test('removals are reported in order, after the operation, to every listener', async () => {
  const { cache, removals, removed } = createWatchedCache();
  const others: string[] = [];
  cache.onRemoval(({ key }) => others.push(key));
  for (const key of ['a', 'b', 'c']) cache.set(key, 1);
  cache.delete('b');
  cache.clear();
  expect(removals).toEqual([]);
  expect(await removed()).toEqual(['b invalidated', 'a invalidated', 'c invalidated']);
  expect(others).toEqual(['b', 'a', 'c']);
});

test('a listener may use the cache', async () => {
  const { cache, removed } = createWatchedCache();
  cache.onRemoval(({ key, cause }) => cause === 'replaced' && cache.delete(key));
  cache.set('a', 1);
  cache.set('a', 2);
  expect(await removed()).toEqual(['a replaced']);
  expect(await removed()).toEqual(['a invalidated']);
  expect(cache.get('a')).toBeUndefined();
  expect(cache.getStats()).toMatchObject({ size: 0, bytes: 0 });
});

test('a listener that fails is reported and keeps nothing from the others', async () => {
  const { cache, errors, removed } = createWatchedCache();
  const fault = new Error('a fault of the listener');
  cache.onRemoval(() => {
    throw fault;
  });
  const others: string[] = [];
  cache.onRemoval(({ key }) => others.push(key));
  cache.set('a', 1);
  cache.delete('a');
  expect(await removed()).toEqual(['a invalidated']);
  expect([others, errors, cache.getStats().errors]).toEqual([['a'], [fault], 1]);
});

test('a listener that was removed is not called any more; the others are', async () => {
  const { cache, removed, stop } = createWatchedCache();
  const others: string[] = [];
  const stopOther = cache.onRemoval(({ key }) => others.push(key));
  stop();
  cache.set('a', 1);
  cache.delete('a');
  expect([await removed(), others]).toEqual([[], ['a']]);
  stopOther();
  cache.set('b', 1);
  cache.delete('b');
  expect([await removed(), others]).toEqual([[], ['a']]);
});
