import { Cache, type CacheOptions, type FillLease, ReadTrace } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';
import { createPendingLoads } from './pending-loads.ts';

function createTestCache() {
  const clock = createTestClock();
  const cache = new Cache({ clock, ttlSeconds: 300, negativeTtlSeconds: 30 });
  let lists = 0;
  return {
    clock,
    cache,
    loads: createPendingLoads(),
    /** Reads a list whose load primes these values of `a`, one after the other. */
    prime: (...values: readonly ({ readonly version: number } | string | null)[]) =>
      cache.read(
        `list_${lists++}`,
        async (lease: FillLease) => {
          for (const value of values) {
            const version = value === null || typeof value === 'string' ? undefined : value.version;
            lease.prime('a', value, { layer: 'records', version });
          }
          return ['a'];
        },
        { layer: 'lists' },
      ),
  };
}

describe('of the values that loads prime', () => {
  test('none is kept once its load has ended, because changes since then are not remembered', async () => {
    const { cache } = createTestCache();
    const leases: FillLease[] = [];
    await cache.read('list', async (given) => leases.push(given), { layer: 'lists' });
    const lease = leases[0]!;
    expect(lease.prime('a', { version: 1 }, { layer: 'records', version: 1 })).toBeNull();
    expect(lease.mayFill('list')).toBe(false);
    expect(cache.get('a')).toBeUndefined();
  });

  test('a newer version replaces an older one', async () => {
    const { cache, prime } = createTestCache();
    await prime({ version: 1 });
    await prime({ version: 2 });
    expect(cache.get('a')).toEqual({ version: 2 });
    expect(cache.getStats().layers.find(({ name }) => name === 'records')).toMatchObject({ size: 1 });
    cache.clear();
    expect(cache.getStats()).toMatchObject({ size: 0, bytes: 0 });
  });

  test('the later of two values without a version is kept if both agree that the record exists, or is absent', async () => {
    const { cache, prime } = createTestCache();
    await prime('one', 'two');
    expect(cache.get('a')).toBe('two');
    cache.delete('a');
    await prime(null, null);
    expect(cache.get('a')).toBeNull();
  });

  test('nothing is kept of two values without a version that disagree', async () => {
    const { cache, prime } = createTestCache();
    await prime('one', null);
    expect(cache.get('a')).toBeUndefined();
    await prime(null, 'one');
    expect(cache.get('a')).toBeUndefined();
  });

  test('nothing is kept of a fresh value and a later one that disagree', async () => {
    const { cache, clock, prime } = createTestCache();
    cache.set('a', 'one', { layer: 'records' });
    clock.advanceSeconds(1);
    await prime(null);
    expect(cache.get('a')).toBeUndefined();
  });

  test('the same version changes nothing: everything derived from it stays', async () => {
    const { cache, clock, prime } = createTestCache();
    await prime({ version: 1 });
    const trace = new ReadTrace();
    cache.findHeld('a', { layer: 'records', trace });
    const dependency = cache.dependOn(trace, () => {});
    clock.advanceSeconds(299);
    await prime({ version: 1 });
    expect(dependency?.isValid).toBe(true);
  });

  test('the same version is held for another TTL once its own is over', async () => {
    const { cache, clock, prime } = createTestCache();
    await prime({ version: 1 });
    clock.advanceSeconds(300);
    await prime({ version: 1 });
    expect(cache.get('a')).toEqual({ version: 1 });
  });

  test('one is returned as the entry that holds it, although another load primed that', async () => {
    const { cache } = createTestCache();
    const prime = (version: number) =>
      new Promise<unknown>((resolve) => {
        const load = async (lease: FillLease) =>
          [resolve(lease.prime('a', { version }, { layer: 'records', version }))].length;
        void cache.read('list', load, { layer: 'lists', reload: true });
      });
    const entry = await prime(2);
    expect(entry).toMatchObject({ key: 'a', value: { version: 2 }, isHeld: true });
    expect(await prime(2)).toBe(entry);
    expect(await prime(1)).toBeNull();
  });

  test('an expired absence does not contradict a presence', async () => {
    const { cache, clock, prime } = createTestCache();
    cache.set('a', null, { layer: 'records' });
    clock.advanceSeconds(30);
    await prime({ version: 1 });
    expect(cache.get('a')).toEqual({ version: 1 });
  });
});

describe('a full cache', () => {
  const records = { layer: 'records', versionOf: ({ version }: { version: number }) => version };

  function createFullCache(options: CacheOptions = { maxEntries: 2 }) {
    const cache = new Cache(options);
    const loads = createPendingLoads();
    /** Reads a list whose load is answered by the test. */
    const readList = (name: string, trace?: ReadTrace) =>
      cache.readMany([name], loads.loadMissing<string[]>, { layer: 'lists', trace });
    return { cache, loads, readList };
  }

  test('stores no record that came along with a list, so that what others read stays', async () => {
    for (const bounds of [{ maxEntries: 2 }, { maxBytes: 1000 }]) {
      const { cache, loads, readList } = createFullCache(bounds);
      cache.set('first', 'x'.repeat(50), { layer: 'records' });
      cache.set('second', 'x'.repeat(50), { layer: 'records' });
      const list = readList('list');
      const load = await loads.next();
      const primed = load.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
      expect(primed).toBe('no room');
      expect([cache.get('first'), cache.get('second'), cache.get('a')]).toEqual([
        expect.anything(),
        expect.anything(),
        undefined,
      ]);
      load.answer([['a']]);
      await list;
    }
  });

  test('stores what a reader asks for, and evicts what was used least recently', async () => {
    const { cache } = createFullCache();
    cache.set('first', 1);
    cache.set('second', 2);
    await cache.read('a', async () => ({ version: 1 }), records);
    expect([cache.get('first'), cache.get('second'), cache.get('a')]).toEqual([undefined, 2, { version: 1 }]);
  });

  test('tells of each of many records what became of it', async () => {
    const { cache, loads, readList } = createFullCache({ maxEntries: 3 });
    cache.set('newer', { version: 3 }, { layer: 'records', version: 3 });
    cache.set('older', { version: 1 }, { layer: 'records', version: 1 });
    const list = readList('list');
    const load = await loads.next();
    const versions = { newer: 2, older: 2, absent: 2, surplus: 2 };
    const primed = load.lease.primeAll(Object.keys(versions) as (keyof typeof versions)[], {
      layer: 'records',
      keyOf: (name) => name,
      versionOf: (name) => versions[name],
      bytesOf: () => 10,
    });
    expect(primed).toEqual([
      null,
      expect.objectContaining({ key: 'older', version: 2, layer: 'records' }),
      expect.objectContaining({ key: 'absent', value: 'absent' }),
      'no room',
    ]);
    load.answer([[]]);
    await list;
  });

  test('brings a record up to date that it holds and that came along with a list', async () => {
    const { cache, loads, readList } = createFullCache();
    cache.set('a', { version: 1 }, { layer: 'records', version: 1 });
    cache.set('other', 1);
    const list = readList('list');
    const load = await loads.next();
    expect(load.lease.prime('a', { version: 2 }, { layer: 'records', version: 2 })).toMatchObject({ version: 2 });
    expect(cache.get('a')).toEqual({ version: 2 });
    load.answer([['a']]);
    await list;
  });

  test('stores nothing older than a record that came along with a list', async () => {
    const { cache, loads, readList } = createFullCache();
    const old = cache.readMany(['a'], loads.loadMissing<{ version: number }>, records);
    const oldLoad = await loads.next();
    cache.set('first', 1);
    cache.set('second', 2);
    const list = readList('list');
    const load = await loads.next();
    load.lease.prime('a', { version: 2 }, { layer: 'records', version: 2 });
    load.answer([['a']]);
    await list;
    oldLoad.answer([{ version: 1 }]);
    await old;
    expect(cache.get('a')).toBeUndefined();
  });
});

describe('the value of a load that began before a newer value was stored', () => {
  const records = { layer: 'records', versionOf: ({ version }: { version: number }) => version };

  /** Starts a load of `a` and `b` before everything else; its answer is in flight. */
  async function beginOldLoad(options?: CacheOptions) {
    const clock = createTestClock();
    const cache = new Cache({ clock, ttlSeconds: 300, negativeTtlSeconds: 30, ...options });
    const loads = createPendingLoads();
    const reading = cache.readMany(['a', 'b'], loads.loadMissing<{ version: number }>, records);
    const load = await loads.next();
    return { cache, clock, loads, load, reading };
  }

  const primeOnce = (cache: Cache, value: { version: number } | null) =>
    cache.read(
      'list',
      async (lease) => {
        lease.prime('a', value, { layer: 'records', version: value?.version });
        return [];
      },
      { layer: 'lists' },
    );

  test('is not stored after the newer value was evicted', async () => {
    const { cache, load, reading } = await beginOldLoad({ maxEntries: 2 });
    await primeOnce(cache, { version: 2 });
    cache.set('others', 1);
    cache.set('more', 1);
    load.answer([{ version: 1 }, { version: 1 }]);
    await reading;
    expect(cache.get('a')).toBeUndefined();
  });

  test('is not stored if the newer value was too large to be held', async () => {
    const { cache, load, reading } = await beginOldLoad({ maxBytes: 2000 });
    await primeOnce(cache, { version: 2, text: 'x'.repeat(3000) } as { version: number });
    load.answer([{ version: 1 }, { version: 1 }]);
    await reading;
    expect(cache.get('a')).toBeUndefined();
  });

  test('is not stored if the newer value, for which a reader asked, was too large to be held', async () => {
    const { cache, load, reading } = await beginOldLoad({ maxBytes: 2000 });
    const large = { version: 2, text: 'x'.repeat(3000) };
    expect(await cache.read('a', async () => large, { ...records, reload: true })).toBe(large);
    load.answer([{ version: 1 }, { version: 1 }]);
    await reading;
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, { version: 1 }]);
  });

  test('is not stored after the newer value expired, whether or not it was swept', async () => {
    for (const value of [{ version: 2 }, null]) {
      for (const isSwept of [true, false]) {
        const { cache, clock, load, reading } = await beginOldLoad();
        await primeOnce(cache, value);
        clock.advanceSeconds(400);
        if (isSwept) cache.cleanupExpired();
        load.answer([{ version: 1 }, { version: 1 }]);
        await reading;
        expect(cache.get('a')).toBeUndefined();
      }
    }
  });

  test('is stored if it is newer still', async () => {
    const { cache, clock, load, reading } = await beginOldLoad();
    await primeOnce(cache, { version: 2 });
    clock.advanceSeconds(400);
    cache.cleanupExpired();
    load.answer([{ version: 3 }, { version: 1 }]);
    await reading;
    expect(cache.get('a')).toEqual({ version: 3 });
  });

  test('is not shared with a reader that may have seen the newer value before it expired', async () => {
    const { cache, clock, loads, load } = await beginOldLoad();
    await primeOnce(cache, { version: 2 });
    clock.advanceSeconds(400);
    const again = cache.readMany(['a'], loads.loadMissing<{ version: number }>, records);
    (await loads.next()).answer([{ version: 2 }]);
    load.answer([{ version: 1 }, { version: 1 }]);
    expect(await again).toEqual([{ version: 2 }]);
  });
});

test('an absence leaves when a reader was given a record that may not be stored', async () => {
  const { cache, loads } = createTestCache();
  const reading = cache.readMany(['a'], loads.loadMissing<{ version: number }>, {
    layer: 'records',
    versionOf: ({ version }) => version,
  });
  const load = await loads.next();
  cache.set('a', null, { layer: 'records' });
  load.answer([{ version: 1 }]);
  expect(await reading).toEqual([{ version: 1 }]);
  expect(cache.get('a')).toBeUndefined();
});

test('a list that was loaded while the cache was suspended does not remove the known one, which may replace a failed load', async () => {
  const outage = new Error('The database is away.');
  const cache = new Cache({ clock: createTestClock(), isOutage: (error) => error === outage });
  const trace = new ReadTrace();
  const read = (load: () => Promise<string[]>) =>
    cache.read('list', load, { layer: 'lists', tagsOf: () => ['items'], trace });
  await read(async () => ['known']);
  cache.suspend();
  expect(await read(async () => ['unheard of'])).toEqual(['unheard of']);
  expect(await read(() => Promise.reject(outage))).toEqual(['known']);
  expect(trace.keys).toEqual(['list', 'list', 'list']);
});

test('isAffectedBy receives the key of the list', async () => {
  const { cache, loads } = createTestCache();
  const reading = cache.readMany<string>(['first', 'second'], loads.loadMissing<string>, {
    layer: 'lists',
    tagsOf: () => ['items'],
    isAffectedBy: (change, _value, key) => change === key,
  });
  (await loads.next()).answer(['1', '2']);
  await reading;
  cache.announce({ records: [], tags: ['items'], change: 'second' });
  expect([cache.get('first'), cache.get('second')]).toEqual(['1', undefined]);
});

test('reads and writes without a layer count in the layer values', () => {
  const cache = new Cache();
  cache.set('a', 1);
  cache.get('a');
  cache.get('b');
  expect(cache.getStats().layers).toEqual([
    { name: 'values', hits: 1, misses: 1, size: 1, evictions: 0, hitRatePercent: 50 },
  ]);
});
