import { Cache, type FillLease, flatObjectBytes } from '../../src/cache/index.ts';
import { freezeAndMeasure } from '../../src/cache/store/value.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

describe('the TTL', () => {
  test('is 300 seconds by default', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock });
    cache.set('a', 1);
    clock.advanceSeconds(299.999);
    expect(cache.get('a')).toBe(1);
    clock.advanceSeconds(0.001);
    expect(cache.get('a')).toBeUndefined();
  });

  test('can be set for the cache and for one entry', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock, ttlSeconds: 10 });
    cache.set('short', 1, { layer: 'values', ttlSeconds: 2 });
    cache.set('usual', 1);
    clock.advanceSeconds(2);
    expect([cache.get('short'), cache.get('usual')]).toEqual([undefined, 1]);
    clock.advanceSeconds(8);
    expect(cache.get('usual')).toBeUndefined();
  });

  test('of a known absence is shorter', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock, negativeTtlSeconds: 5 });
    cache.set('a', null);
    clock.advanceSeconds(4);
    expect(cache.get('a')).toBeNull();
    clock.advanceSeconds(1);
    expect(cache.get('a')).toBeUndefined();
  });

  test('of a known absence is 30 seconds by default', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock });
    cache.set('a', null);
    clock.advanceSeconds(29);
    expect(cache.get('a')).toBeNull();
    clock.advanceSeconds(1);
    expect(cache.get('a')).toBeUndefined();
  });

  test('starts again when a value is set again', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock, ttlSeconds: 10 });
    cache.set('a', 1);
    clock.advanceSeconds(9);
    cache.set('a', 2);
    clock.advanceSeconds(9);
    expect(cache.get('a')).toBe(2);
  });

  test('makes an entry leave when it is asked for after it', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock, ttlSeconds: 10 });
    cache.set('a', 1);
    clock.advanceSeconds(10);
    expect(cache.getStats().size).toBe(1);
    cache.get('a');
    expect(cache.getStats()).toMatchObject({ size: 0, bytes: 0, evictions: 0 });
  });

  test('lets a sweep remove expired entries, return their number, and leave the rest', () => {
    const clock = createTestClock();
    const cache = new Cache({ clock, ttlSeconds: 10 });
    for (const key of ['a', 'b']) cache.set(key, 1);
    cache.set('c', 1, { layer: 'values', ttlSeconds: 20 });
    clock.advanceSeconds(10);
    expect(cache.cleanupExpired()).toBe(2);
    expect(cache.cleanupExpired()).toBe(0);
    expect(cache.getStats()).toMatchObject({ size: 1, evictions: 0 });
    expect(cache.get('c')).toBe(1);
  });
});

describe('bounds', () => {
  const sizeOf = (key: string, value: unknown, tags: readonly string[] = []) => {
    const cache = new Cache();
    cache.set(key, value, { layer: 'values', tags });
    return cache.getStats().bytes;
  };

  test('the least recently used entry is evicted when there are too many', () => {
    const cache = new Cache({ maxEntries: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
    expect(cache.getStats()).toMatchObject({ size: 2, evictions: 1 });
  });

  test('the order of use stays right when an entry in its middle is used or removed', () => {
    const cache = new Cache({ maxEntries: 3 });
    const held = () => ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter((key) => cache.get(key) !== undefined);
    for (const key of ['a', 'b', 'c']) cache.set(key, key);
    cache.get('b');
    for (const key of ['d', 'e']) cache.set(key, key);
    expect(held()).toEqual(['b', 'd', 'e']);
    cache.delete('d');
    for (const key of ['f', 'g']) cache.set(key, key);
    expect(held()).toEqual(['e', 'f', 'g']);
    expect(cache.getStats()).toMatchObject({ size: 3, evictions: 3 });
  });

  test('entries are evicted when they exceed the bytes together', () => {
    const text = 'x'.repeat(1000);
    const cache = new Cache({ maxBytes: 3500 });
    for (const key of ['a', 'b', 'c']) cache.set(key, text);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, text, text]);
    expect(cache.getStats()).toMatchObject({ size: 2, evictions: 1 });
    expect(cache.getStats().bytes).toBeLessThanOrEqual(3500);
  });

  test('bytes deep inside a value count', () => {
    const cache = new Cache({ maxBytes: 2500 });
    cache.set('a', [{ rows: [{ text: 'x'.repeat(2000) }] }]);
    cache.set('b', { text: 'x'.repeat(2000) });
    expect(cache.get('a')).toBeUndefined();
  });

  test('every part of a value counts, and text by its length', () => {
    const bytesOf = (value: unknown) => sizeOf('a', value);
    const long = 'x'.repeat(1000);
    for (const hold of [(text: string) => text, (text: string) => [text], (text: string) => ({ rows: [{ text }] })]) {
      expect(bytesOf(hold(long)) - bytesOf(hold(''))).toBeGreaterThanOrEqual(1000);
    }
    for (const part of ['', 0, true, null, [], {}]) {
      const sizes = [[], [part], [part, part], [part, part, part]].map(bytesOf);
      expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
    }
  });

  test('a flat object can be measured without a walk through it', () => {
    expect(flatObjectBytes(0, 0, 0)).toBe(freezeAndMeasure({}));
    expect(flatObjectBytes(4, 2, 5)).toBe(freezeAndMeasure({ id: 1, name: 'ab', owner: 'abc', endedAt: null }));
  });

  test('keys and tags count', () => {
    expect(sizeOf('a'.repeat(1001), 1) - sizeOf('a', 1)).toBeGreaterThanOrEqual(1000);
    const sizes = [[], ['one'], ['one', 'two']].map((tags) => sizeOf('a', 1, tags));
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
  });

  test('a value larger than the bound is not held, and removes only what it replaced', () => {
    const cache = new Cache({ maxBytes: 1000 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.set('a', 'x'.repeat(1000));
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 2]);
  });

  test('a value that fills the bound to the last byte is held', () => {
    const cache = new Cache({ maxBytes: sizeOf('a', 'text') });
    cache.set('a', 'text');
    expect(cache.get('a')).toBe('text');
  });

  test('a record that comes along with a list is stored if it fits to the last byte', async () => {
    const bytes = sizeOf('record', 'text');
    const prime = (maxBytes: number) =>
      new Promise((resolve) => {
        const load = async (lease: FillLease) => resolve(lease.prime('record', 'text', { layer: 'values' }));
        void new Cache({ maxBytes }).read('list', async (lease) => [await load(lease)].length, { layer: 'lists' });
      });
    expect(await prime(bytes)).toMatchObject({ value: 'text' });
    expect(await prime(bytes - 1)).toBe('no room');
  });

  test('entries that have left do not count', () => {
    const cache = new Cache();
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, 'text');
    cache.delete('a');
    cache.invalidate('b');
    cache.set('c', 'text');
    cache.clear();
    expect(cache.getStats()).toMatchObject({ size: 0, bytes: 0 });
  });

  test.each(['ttlSeconds', 'negativeTtlSeconds', 'maxEntries', 'maxBytes'])('%s must be positive', (name) => {
    expect(() => new Cache({ [name]: 0 })).toThrow(new RangeError(`${name} must be greater than 0; got 0.`));
    expect(() => new Cache({ [name]: Number.NaN })).toThrow(RangeError);
  });
});

describe('values', () => {
  test('are frozen deeply', () => {
    const cache = new Cache();
    const value = { rows: [{ name: 'a' }] };
    cache.set('a', value);
    expect(() => {
      value.rows[0]!.name = 'b';
    }).toThrow(TypeError);
    expect(() => value.rows.push({ name: 'c' })).toThrow(TypeError);
  });

  class Entity {
    name = 'a';
  }

  test.each([
    ['undefined', undefined],
    ['undefined inside', { name: undefined }],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['not a number', Number.NaN],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['a symbol', Symbol('a')],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a class instance', new Entity()],
    ['a class instance deep inside', { rows: [{ entity: new Entity() }] }],
  ])('must not be %s', (_what, value) => {
    const cache = new Cache();
    expect(() => cache.set('a', value)).toThrow(TypeError);
    expect(cache.get('a')).toBeUndefined();
  });

  test('are named in the error when they are refused', () => {
    const cache = new Cache();
    expect(() => cache.set('a', { rows: [new Entity()] })).toThrow('Entity');
    expect(() => cache.set('a', [Number.NaN])).toThrow('NaN');
    expect(() => cache.set('a', Object.create(Object.create(null)))).toThrow('an instance of undefined');
    expect(() => cache.set('a', { name: undefined })).toThrow('undefined');
  });

  const withoutPrototype = Object.assign(Object.create(null), { a: 1 });

  test.each([[null], [0], [''], [false], [[]], [{}], [{ a: [1, 'b', null, true] }], [withoutPrototype]])(
    'may be %j',
    (value) => {
      const cache = new Cache();
      cache.set('a', value);
      expect(cache.get('a')).toEqual(value);
    },
  );

  test('that are refused remove the value they should have replaced', () => {
    const cache = new Cache();
    cache.set('a', 1);
    expect(() => cache.set('a', new Date(0))).toThrow(TypeError);
    expect(cache.get('a')).toBeUndefined();
  });
});

describe('removing', () => {
  test('delete returns whether the key was held', () => {
    const cache = new Cache();
    cache.set('a', null);
    expect([cache.delete('a'), cache.delete('a')]).toEqual([true, false]);
    expect(cache.get('a')).toBeUndefined();
  });

  test('clear removes everything and returns the number of entries', () => {
    const cache = new Cache();
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    expect([cache.clear(), cache.clear()]).toEqual([3, 0]);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual([undefined, undefined, undefined]);
  });

  test('invalidate removes what the pattern selects, returns its number, and leaves the rest', () => {
    const cache = new Cache();
    for (const key of ['workstations_1', 'workstations_2', 'managers_1']) cache.set(key, 1);
    expect([cache.invalidate('workstations_*'), cache.invalidate('workstations_*')]).toEqual([2, 0]);
    expect(cache.get('managers_1')).toBe(1);
    expect(cache.getStats()).toMatchObject({ size: 1, evictions: 0 });
  });
});

describe('statistics', () => {
  test('are all zero before the first read', () => {
    expect(new Cache().getStats()).toEqual({
      hits: 0,
      misses: 0,
      size: 0,
      evictions: 0,
      hitRatePercent: 0,
      bytes: 0,
      errors: 0,
      layers: [],
    });
  });

  test('are counted by layer and in total', async () => {
    const cache = new Cache({ maxEntries: 2 });
    const read = (layer: string, key: string) => cache.read(key, async () => key, { layer });
    await read('workstations', 'workstations_1');
    for (let reads = 0; reads < 3; reads++) await read('workstations', 'workstations_1');
    await read('managers', 'managers_1');
    await read('managers', 'managers_2');

    expect(cache.getStats()).toMatchObject({ hits: 3, misses: 3, size: 2, evictions: 1, hitRatePercent: 50 });
    expect(cache.getStats().layers).toEqual([
      { name: 'workstations', hits: 3, misses: 1, size: 0, evictions: 1, hitRatePercent: 75 },
      { name: 'managers', hits: 0, misses: 2, size: 2, evictions: 0, hitRatePercent: 0 },
    ]);
  });

  test('count hits and misses of get', () => {
    const cache = new Cache();
    cache.set('a', null, { layer: 'workstations' });
    for (const key of ['a', 'a', 'a', 'b']) cache.get(key, 'workstations');
    expect(cache.getStats().layers).toEqual([
      { name: 'workstations', hits: 3, misses: 1, size: 1, evictions: 0, hitRatePercent: 75 },
    ]);
  });
});
