import { Cache, type Entry, type FillLease, ReadTrace } from '../../src/cache/index.ts';
import { findHeldRecord, readRecords } from '../../src/collections/reading/records.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';
import { createPendingLoads } from './pending-loads.ts';

const VALUES = { layer: 'values' };

function createTestCache() {
  const clock = createTestClock();
  return { clock, cache: new Cache({ clock }), loads: createPendingLoads() };
}

describe('findHeld', () => {
  test('returns a held value at once, and counts and traces a hit', async () => {
    const { cache } = createTestCache();
    cache.set('a', 1, VALUES);
    cache.set('b', null, VALUES);
    const trace = new ReadTrace();
    expect([cache.findHeld('a', { ...VALUES, trace }), cache.findHeld('b', VALUES)]).toEqual([1, null]);
    expect(trace.keys).toEqual(['a']);
    expect(trace.toJSON()).toEqual({ hits: 1, misses: 0, stale: 0 });
    expect(cache.getStats()).toMatchObject({ hits: 2, misses: 0 });
  });

  test('returns and counts nothing if no fresh value is held', () => {
    const { cache, clock } = createTestCache();
    cache.set('a', 1, VALUES);
    clock.advanceSeconds(300);
    const trace = new ReadTrace();
    expect([cache.findHeld('a', { ...VALUES, trace }), cache.findHeld('b', VALUES)]).toEqual([undefined, undefined]);
    expect(trace.keys).toEqual([]);
    expect(cache.getStats()).toMatchObject({ hits: 0, misses: 0 });
  });

  test('leaves a value that is to be loaded again to the read', () => {
    const { cache } = createTestCache();
    cache.set('a', 1, VALUES);
    expect(cache.findHeld('a', { ...VALUES, reload: true })).toBeUndefined();
    expect(cache.getStats()).toMatchObject({ hits: 0, misses: 0 });
  });
});

describe('readPrimed', () => {
  const prime = (cache: Cache) =>
    new Promise<Entry>((resolve) => {
      const load = async (lease: FillLease) => [resolve(lease.prime('a', 1, VALUES) as Entry)].length;
      void cache.read('list', load, { layer: 'lists' });
    });

  test('returns the value of an entry that a load primed, and counts and traces a hit', async () => {
    const { cache } = createTestCache();
    const entry = await prime(cache);
    const trace = new ReadTrace();
    expect(cache.readPrimed(entry, { ...VALUES, trace })).toBe(1);
    expect([trace.keys, trace.hits]).toEqual([['a'], 1]);
  });

  test('returns nothing once the entry has left, or while the cache is suspended', async () => {
    const { cache } = createTestCache();
    const entry = await prime(cache);
    cache.suspend();
    expect(cache.readPrimed(entry, VALUES)).toBeUndefined();
    cache.resume();
    expect(cache.readPrimed(entry, VALUES)).toBeUndefined();
    expect(cache.getStats().hits).toBe(0);
  });
});

describe('reading records', () => {
  const createTable = (cache: Cache) => {
    const asked: (readonly string[])[] = [];
    const source = {
      cache,
      layer: 'records',
      keyOf: (id: string) => `record_${id}`,
      versionOf: ({ version }: { version: number }) => version,
      find: async (ids: readonly string[]) => {
        asked.push(ids);
        return ids.filter((id) => id !== 'none').map((id) => ({ id, version: asked.length }));
      },
      revalidate: async () => [],
    };
    return { asked, source };
  };

  test('loads those that are not held, by their ids, and returns all in order', async () => {
    const { cache } = createTestCache();
    const { asked, source } = createTable(cache);
    expect(await readRecords(['b', 'none'], source)).toEqual([{ id: 'b', version: 1 }, null]);
    expect(await readRecords(['a', 'b', 'none', 'c'], source)).toEqual([
      { id: 'a', version: 2 },
      { id: 'b', version: 1 },
      null,
      { id: 'c', version: 2 },
    ]);
    expect(asked).toEqual([
      ['b', 'none'],
      ['a', 'c'],
    ]);
  });

  test('finds a held record, or a held absence, at once', async () => {
    const { cache } = createTestCache();
    const { source } = createTable(cache);
    await readRecords(['a', 'none'], source);
    const trace = new ReadTrace();
    const found = ['a', 'none', 'b'].map((id) => findHeldRecord(id, { ...source, trace }));
    expect(found).toEqual([{ id: 'a', version: 1 }, null, undefined]);
    expect(trace.keys).toEqual(['record_a', 'record_none']);
    expect(cache.getStats().layers).toMatchObject([{ name: 'records', hits: 2, misses: 2 }]);
  });

  test('uses their versions: an older one that is announced late replaces nothing', async () => {
    const { cache } = createTestCache();
    const { source } = createTable(cache);
    await readRecords(['b'], source);
    await readRecords(['a'], source);
    cache.announce({
      records: [{ key: 'record_a', version: 1, value: { id: 'a', version: 1 } }],
      tags: [],
      change: null,
    });
    expect(cache.get('record_a')).toEqual({ id: 'a', version: 2 });
  });
});

describe('reading one key', () => {
  test('loads on the first read and returns the held value after it', async () => {
    const { cache } = createTestCache();
    let count = 0;
    const load = async () => ({ count: ++count });
    expect(await cache.read('a', load, VALUES)).toEqual({ count: 1 });
    expect(await cache.read('a', load, VALUES)).toEqual({ count: 1 });
    expect(cache.get('a')).toEqual({ count: 1 });
  });

  test('loads again when the TTL is over', async () => {
    const { cache, clock } = createTestCache();
    let count = 0;
    const read = () => cache.read('a', async () => ++count, { ...VALUES, ttlSeconds: 10 });
    await read();
    clock.advanceSeconds(9.999);
    expect(await read()).toBe(1);
    clock.advanceSeconds(0.001);
    expect(await read()).toBe(2);
  });

  test('caches absence', async () => {
    const { cache } = createTestCache();
    let count = 0;
    const load = async () => {
      count++;
      return null;
    };
    expect([await cache.read('a', load, VALUES), await cache.read('a', load, VALUES)]).toEqual([null, null]);
    expect(count).toBe(1);
  });

  test('a hundred concurrent readers of a cold key cause one load', async () => {
    const { cache } = createTestCache();
    let count = 0;
    const load = async () => ({ count: ++count });
    const values = await Promise.all(Array.from({ length: 100 }, () => cache.read('a', load, VALUES)));
    expect(count).toBe(1);
    expect(new Set(values).size).toBe(1);
    expect(cache.getStats()).toMatchObject({ hits: 99, misses: 1 });
  });

  test('a failed load fails all its readers and is not stored', async () => {
    const { cache } = createTestCache();
    const failure = new Error('down');
    let count = 0;
    const load = async () => {
      if (++count === 1) throw failure;
      return count;
    };
    const outcomes = await Promise.allSettled([cache.read('a', load, VALUES), cache.read('a', load, VALUES)]);
    expect(outcomes).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'rejected', reason: failure },
    ]);
    expect(await cache.read('a', load, VALUES)).toBe(2);
  });

  test('a load that throws before it returns a promise fails like any other', async () => {
    const { cache } = createTestCache();
    const load = () => {
      throw new Error('at once');
    };
    await expect(cache.read('a', load, VALUES)).rejects.toThrow('at once');
    expect(await cache.read('a', async () => 1, VALUES)).toBe(1);
  });

  test.each([
    ['undefined', undefined],
    ['a class instance', new Date(0)],
  ])('a load that resolves to %s is refused and not stored', async (_what, value) => {
    const { cache } = createTestCache();
    await expect(cache.read<unknown>('a', async () => value, VALUES)).rejects.toThrow(TypeError);
    expect(await cache.read<unknown>('a', async () => 1, VALUES)).toBe(1);
  });

  test('values are frozen, also for readers that waited for the load', async () => {
    const { cache } = createTestCache();
    const value = await cache.read('a', async () => ({ rows: [1] }), VALUES);
    expect(() => value.rows.push(2)).toThrow(TypeError);
  });

  test('a trace collects what the reads of one reader found', async () => {
    const { cache } = createTestCache();
    const trace = new ReadTrace();
    const read = () => cache.read('a', async () => 1, { ...VALUES, trace });
    await Promise.all([read(), read()]);
    await read();
    expect(trace).toMatchObject({ hits: 2, misses: 1, stale: 0 });
  });
});

describe('reading many keys', () => {
  test('loads the missing keys in one call, and returns values in the order of the keys', async () => {
    const { cache, loads } = createTestCache();
    cache.set('b', 'held');
    const values = cache.readMany(['a', 'b', 'c'], loads.loadMissing, VALUES);
    const load = await loads.next();
    expect(load.keys).toEqual(['a', 'c']);
    load.answer(['loaded a', 'loaded c']);
    expect(await values).toEqual(['loaded a', 'held', 'loaded c']);
    expect(await cache.readMany(['c', 'a'], loads.loadMissing, VALUES)).toEqual(['loaded c', 'loaded a']);
    expect(loads.count).toBe(1);
  });

  test('waits for running loads and starts one for the other keys', async () => {
    const { cache, loads } = createTestCache();
    const first = cache.readMany(['a', 'b'], loads.loadMissing, VALUES);
    const second = cache.readMany(['b', 'c'], loads.loadMissing, VALUES);
    const [one, two] = [await loads.next(), await loads.next()];
    expect([one.keys, two.keys]).toEqual([['a', 'b'], ['c']]);
    two.answer(['c']);
    one.answer(['a', 'b']);
    expect([await first, await second]).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
  });

  test('loads a repeated key once', async () => {
    const { cache, loads } = createTestCache();
    cache.set('b', 'held');
    const values = cache.readMany(['a', 'b', 'a', 'b'], loads.loadMissing, VALUES);
    const load = await loads.next();
    expect(load.keys).toEqual(['a']);
    load.answer(['loaded']);
    expect(await values).toEqual(['loaded', 'held', 'loaded', 'held']);
    expect(cache.getStats()).toMatchObject({ hits: 3, misses: 1 });
  });

  test('no keys cause no load', async () => {
    const { cache, loads } = createTestCache();
    expect(await cache.readMany([], loads.loadMissing, VALUES)).toEqual([]);
    expect(loads.count).toBe(0);
  });

  test.each([[[]], [['a']], [['a', 'b', 'c']]])('a load that answers two keys with %j is refused', async (values) => {
    const { cache } = createTestCache();
    await expect(cache.readMany(['a', 'b'], async () => values, VALUES)).rejects.toThrow(
      new TypeError(`The load was asked for 2 values and gave ${values.length}.`),
    );
    expect(cache.getStats().size).toBe(0);
  });

  test('falsy values are values', async () => {
    const { cache, loads } = createTestCache();
    const keys = ['a', 'b', 'c', 'd'];
    const values = [null, 0, '', false];
    await cache.readMany<unknown>(keys, async () => values, VALUES);
    expect(await cache.readMany<unknown>(keys, loads.loadMissing, VALUES)).toEqual(values);
    expect(loads.count).toBe(0);
  });

  test('records that a load primed are stored', async () => {
    const { cache, loads } = createTestCache();
    const list = cache.readMany(['list'], loads.loadMissing, { layer: 'lists' });
    const load = await loads.next();
    load.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
    load.answer([['a']]);
    await list;
    expect(cache.get('a')).toEqual({ version: 1 });
    expect(cache.getStats().layers.map(({ name, size }) => [name, size])).toEqual([
      ['lists', 1],
      ['records', 1],
    ]);
  });
});
