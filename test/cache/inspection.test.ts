import { Cache, type CacheOptions, type EntryOrder, type EntryPlace, ReadTrace } from '../../src/cache/index.ts';
import { visitInTurns } from '../../src/cache/inspection/in-turns.ts';
import { Smallest } from '../../src/cache/inspection/smallest.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

const BY_KEY: EntryOrder = { by: 'key', direction: 'ASC' };

function createCache(options: CacheOptions = {}) {
  const clock = createTestClock();
  const cache = new Cache({ clock, ttlSeconds: 10, ...options });
  const put = (key: string, value: unknown = 1, layer = 'values') => cache.set(key, value, { layer });
  /** The keys of one page, and where it ends. */
  const page = async (order: EntryOrder, size: number, after: EntryPlace | null = null) => {
    const { entries, hasMore } = await cache.inspection.list({ pattern: '*', order, after, size });
    return { keys: entries.map(({ key }) => key), last: entries.at(-1)?.place ?? null, hasMore };
  };
  /** The removals, the newest first: `key cause by`. */
  const removed = async (pattern = '*') =>
    (await cache.inspection.removals({ pattern, first: 5000 })).map(({ key, cause, origin }) =>
      [key, cause, origin].filter((part) => part !== undefined).join(' '),
    );
  return { cache, clock, put, page, removed };
}

describe('A list of entries', () => {
  test('tells of each entry its layer, size, age, expiry, hits and dependents', async () => {
    const { cache, clock } = createCache();
    const trace = new ReadTrace();
    cache.set('a', { id: 'a' }, { layer: 'records', version: 7 });
    clock.advanceSeconds(2);
    await cache.read('a', async () => null, { layer: 'records', trace });
    cache.findHeld('a', { layer: 'records' });
    cache.get('a');
    cache.dependOn(trace, () => {});
    const { entries, totalCount, hasMore } = await cache.inspection.list({ pattern: '*', order: BY_KEY, size: 10 });
    const nowMs = clock.now();
    expect(entries).toEqual([
      {
        key: 'a',
        layer: 'records',
        value: { id: 'a' },
        bytes: cache.getStats().bytes,
        storedAtMs: nowMs - 2000,
        expiresAtMs: nowMs + 8000,
        hits: 3,
        dependents: 1,
        dependencies: expect.any(Function),
        place: { value: null, id: 'a' },
      },
    ]);
    expect([entries[0]!.dependencies(), totalCount, hasMore]).toEqual([[], 1, false]);
  });

  test.each<[string, EntryOrder, string[]]>([
    ['key', { by: 'key', direction: 'ASC' }, ['a', 'b', 'c', 'd']],
    ['key, backward', { by: 'key', direction: 'DESC' }, ['d', 'c', 'b', 'a']],
    ['size', { by: 'bytes', direction: 'DESC' }, ['c', 'd', 'b', 'a']],
    ['time, and equal ones by key', { by: 'storedAtMs', direction: 'ASC' }, ['d', 'a', 'b', 'c']],
    ['hits', { by: 'hits', direction: 'DESC' }, ['b', 'd', 'c', 'a']],
  ])('is ordered by %s, and its pages join', async (_name, order, expected) => {
    const { cache, clock, put, page } = createCache();
    for (const [key, size] of [
      ['d', 5],
      ['b', 5],
      ['a', 5],
      ['c', 50],
    ] as const) {
      put(key, 'x'.repeat(size));
      if (key !== 'b') clock.advanceSeconds(1);
    }
    for (const key of ['b', 'b']) cache.get(key);
    const all: string[] = [];
    let after: EntryPlace | null = null;
    for (let pages = 1; ; pages++) {
      const { keys, last, hasMore } = await page(order, 1, after);
      all.push(...keys);
      after = last;
      if (!hasMore) break;
      expect(pages).toBeLessThan(5);
    }
    expect(all).toEqual(expected);
    expect((await page(order, 10)).keys).toEqual(all);
  });

  test('neither repeats nor leaves out an entry that stays, while others come and go', async () => {
    const { cache, put, page } = createCache();
    for (const key of ['b', 'd', 'f', 'h']) put(key);
    const first = await page(BY_KEY, 2);
    // The last one of the page goes; one comes before it and one behind.
    cache.delete('d');
    put('a');
    put('e');
    const second = await page(BY_KEY, 2, first.last);
    expect([first.keys, second.keys, (await page(BY_KEY, 2, second.last)).keys]).toEqual([
      ['b', 'd'],
      ['e', 'f'],
      ['h'],
    ]);
  });

  test('is also paged from its end', async () => {
    const { cache, put } = createCache();
    for (const key of ['a', 'b', 'c', 'd']) put(key);
    const list = async (before: EntryPlace | null) => {
      const { entries, hasMore } = await cache.inspection.list({
        pattern: '*',
        order: BY_KEY,
        from: 'END',
        before,
        size: 3,
      });
      return { keys: entries.map(({ key }) => key), hasMore, first: entries[0]!.place };
    };
    const last = await list(null);
    expect(last).toMatchObject({ keys: ['b', 'c', 'd'], hasMore: true });
    expect(await list(last.first)).toMatchObject({ keys: ['a'], hasMore: false });
  });

  test('has short places for long keys, and none of them twice', async () => {
    const { put, page } = createCache();
    const keys = Array.from({ length: 5 }, (_, at) => `${'k'.repeat(5000)}${at}`);
    for (const key of keys) put(key);
    const all: string[] = [];
    for (let after: EntryPlace | null = null; all.length < 5; ) {
      const { keys, last } = await page(BY_KEY, 2, after);
      expect(last!.id.length).toBeLessThanOrEqual(256);
      all.push(...keys);
      after = last;
    }
    expect(all.toSorted()).toEqual(keys);
  });

  test('has the key as the place of an entry, up to 256 characters', async () => {
    const { put, page } = createCache();
    for (const key of ['k'.repeat(256), 'l'.repeat(257)]) put(key);
    const { last } = await page(BY_KEY, 1);
    expect(last!.id).toBe('k'.repeat(256));
    expect((await page(BY_KEY, 1, last)).last!.id).toMatch(/^l{200} .{43}$/);
  });

  test('knows when a full page is the last one', async () => {
    const { put, page } = createCache();
    for (const key of ['a', 'b', 'c']) put(key);
    expect([(await page(BY_KEY, 3)).hasMore, (await page(BY_KEY, 2)).hasMore]).toEqual([false, true]);
  });

  test('counts all that fit the pattern, in the layer that is asked for', async () => {
    const { cache, put } = createCache();
    for (const key of ['a_1', 'a_2', 'b_1']) put(key, 1, key.slice(0, 1));
    const count = async (pattern: string, layer?: string) =>
      (await cache.inspection.list({ pattern, layer, order: BY_KEY, size: 1 })).totalCount;
    expect([await count('*'), await count('a*'), await count('*_1', 'a'), await count('*', 'c')]).toEqual([3, 2, 1, 0]);
  });

  test('holds the values of a derived layer only when that is asked for', async () => {
    const { cache, clock, put } = createCache();
    put('part');
    const trace = new ReadTrace();
    await cache.read('part', async () => 1, { layer: 'values', trace });
    const dependency = cache.dependOn(trace, () => {})!;
    const value = { key: 'whole', bytes: 3, hits: 0, storedAtMs: clock.now(), expiresAtMs: clock.now(), dependency };
    cache.addDerivedLayer('derived', { all: () => [value], get: (key) => (key === 'whole' ? value : undefined) });
    const keysOf = async (layer?: string) =>
      (await cache.inspection.list({ pattern: '*', layer, order: BY_KEY, size: 9 })).entries.map(({ key }) => key);
    expect([await keysOf(), await keysOf('derived')]).toEqual([['part'], ['whole']]);
    expect(cache.inspection.layers).toEqual(['values', 'derived']);
    expect(cache.inspection.find('whole')).toMatchObject({ key: 'whole', layer: 'derived', dependents: 0 });
    expect(cache.inspection.find('whole')!.dependencies()).toEqual(['part']);
    expect(cache.inspection.find('part')).toMatchObject({ layer: 'values', dependents: 1 });
    expect(cache.inspection.find('nothing')).toBeUndefined();
  });
});

describe('Looking at many entries', () => {
  test('rests after every turn of five milliseconds', async () => {
    let nowMs = 0;
    let rests = 0;
    const visited: number[] = [];
    const items = Array.from({ length: 1000 }, (_, at) => at);
    const visit = (item: number) => {
      nowMs += 1 / 16;
      visited.push(item);
    };
    await visitInTurns(items, visit, { now: () => nowMs, rest: async () => rests++ });
    expect(visited).toEqual(items);
    expect(rests).toBe(12);
  });

  test('lets other work go on, and survives that the entries leave meanwhile', async () => {
    const { cache, put } = createCache();
    for (let at = 0; at < 50_000; at++) put(`key ${at}`);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const listing = cache.inspection.list({ pattern: '*9', order: { by: 'bytes', direction: 'DESC' }, size: 500 });
    setImmediate(() => cache.clear());
    const { entries, totalCount, hasMore } = await listing;
    clearInterval(timer);
    expect([entries.length, totalCount, hasMore]).toEqual([500, 5000, true]);
    expect(turns).toBeGreaterThan(0);
  });

  test('is done for one list after the other, so that their turns do not add up', async () => {
    const { cache } = createCache();
    const visited: number[] = [];
    const values = Array.from({ length: 64 }, (_, at) => ({
      bytes: 1,
      hits: 0,
      storedAtMs: 0,
      expiresAtMs: 0,
      dependency: { keys: [] },
      get key() {
        if (visited.at(-1) !== at) visited.push(at);
        // As slow as that, a list takes many turns.
        for (const endsAtMs = performance.now() + 0.5; performance.now() < endsAtMs; );
        return `${at}`;
      },
    }));
    cache.addDerivedLayer('derived', { all: () => values, get: () => undefined });
    const list = () => cache.inspection.list({ pattern: 'none', layer: 'derived', order: BY_KEY, size: 1 });
    await Promise.all([list(), list()]);
    const once = Array.from({ length: 64 }, (_, at) => at);
    expect(visited).toEqual([...once, ...once]);
  });

  test('finds the smallest of many in order', () => {
    const numbers = Array.from({ length: 1000 }, (_, at) => (at * 577) % 1000);
    const smallest = new Smallest<number>(7, (one, other) => one - other);
    for (const number of numbers) smallest.add(number);
    expect(smallest.take()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const few = new Smallest<number>(7, (one, other) => one - other);
    for (const number of [3, 1]) few.add(number);
    expect(few.take()).toEqual([1, 3]);
  });
});

describe('The log of removals', () => {
  test('says what each operation removed, and why', async () => {
    const { cache, put, removed } = createCache();
    for (const key of ['a', 'b', 'c', 'd', 'e']) put(key);
    cache.delete('a', 'the audit');
    cache.invalidate('b*', 'an admin');
    cache.announce(
      { records: [{ key: 'c', version: 1, value: 2 }], tags: [], change: null },
      { toString: () => 'a change' },
    );
    put('d', 2);
    cache.clear();
    expect(await removed()).toEqual([
      'd invalidated',
      'c invalidated',
      'e invalidated',
      'd replaced',
      'c replaced a change',
      'b invalidated an admin',
      'a invalidated the audit',
    ]);
    expect(await removed('b')).toEqual(['b invalidated an admin']);
    expect(cache.inspection.lastRemovalOf('c')).toMatchObject({ key: 'c', layer: 'values', cause: 'invalidated' });
    expect(cache.inspection.lastRemovalOf('nothing')).toBeUndefined();
  });

  test('tells as many as are asked for, the newest ones', async () => {
    const { cache, put } = createCache();
    for (const key of ['a', 'b', 'c']) {
      put(key);
      cache.delete(key);
    }
    const removals = await cache.inspection.removals({ pattern: '*', first: 2 });
    expect(removals.map(({ key }) => key)).toEqual(['c', 'b']);
  });

  test('says which entry a derived value left with, if it was one', () => {
    const { cache, clock } = createCache();
    cache.inspection.noteRemoval('derived', 'whole', 'invalidated', { key: 'part' });
    cache.inspection.noteRemoval('derived', 'other', 'expired');
    const atMs = clock.now();
    const removal = { layer: 'derived', atMs, origin: undefined };
    expect(cache.inspection.lastRemovalOf('whole')).toEqual({
      ...removal,
      key: 'whole',
      cause: 'invalidated',
      dependency: 'part',
      number: 0,
    });
    expect(cache.inspection.lastRemovalOf('other')).toEqual({
      ...removal,
      key: 'other',
      cause: 'expired',
      dependency: undefined,
      number: 1,
    });
  });

  test('says by what the cache was emptied when it resumed', async () => {
    const { cache, put, removed } = createCache();
    put('a');
    cache.suspend();
    cache.resume('a gap');
    expect(await removed()).toEqual(['a invalidated a gap']);
  });

  test('knows what expired, also when a new value took its place', async () => {
    const { clock, put, removed } = createCache();
    put('a');
    clock.advanceSeconds(10);
    put('a');
    expect(await removed()).toEqual(['a expired']);
  });

  test('blames no change for what was evicted', async () => {
    const { cache, put, removed } = createCache({ maxBytes: 1000 });
    cache.set('a', 'x', { layer: 'values', version: 1 });
    put('b', 'x'.repeat(200));
    cache.announce({ records: [{ key: 'a', version: 2, value: 'x'.repeat(300) }], tags: [], change: null }, 'a change');
    expect(await removed()).toEqual(['b evicted', 'a replaced a change']);
  });

  test('remembers the last thousand of each cause, and the causes that are asked for', async () => {
    const { cache, put, removed } = createCache();
    put('early');
    cache.delete('early');
    for (let at = 0; at <= 1001; at++) put('a', at);
    const all = await removed();
    expect([all.length, all[0], all.at(-1)]).toEqual([1001, 'a replaced', 'early invalidated']);
    const few = await cache.inspection.removals({ pattern: '*', causes: ['invalidated', 'expired'], first: 10 });
    expect(few.map(({ key }) => key)).toEqual(['early']);
  });

  test('blames no change for what had expired before it', async () => {
    const { cache, clock, removed } = createCache();
    cache.set('a', 'x', { layer: 'values', version: 1 });
    clock.advanceSeconds(10);
    cache.announce({ records: [{ key: 'a', version: 2, value: 'y' }], tags: [], change: null }, 'a change');
    expect(await removed()).toEqual(['a expired']);
  });

  test('remembers a thousand, however many there were before', async () => {
    const { cache, put, removed } = createCache();
    for (let at = 0; at < 2500; at++) {
      put(`${at}${'k'.repeat(600)}`);
      cache.clear();
    }
    expect(await removed()).toHaveLength(1000);
  });

  test('remembers keys of a mebibyte together, and the last one however long it is', async () => {
    const { cache, put, removed } = createCache();
    for (let at = 0; at < 512; at++) put(`${at}`.padEnd(2048, 'k'));
    cache.clear();
    expect(await removed()).toHaveLength(512);
    put('k'.repeat(1024 * 1024 + 1));
    cache.clear();
    expect(await removed('kkk*')).toHaveLength(1);
    expect(await removed()).toHaveLength(1);
  });

  test('remembers fewer removals of long keys', async () => {
    const { cache, put, removed } = createCache({ maxBytes: 1e9 });
    for (let at = 0; at < 500; at++) put(`${at}${'k'.repeat(5000)}`);
    cache.clear();
    expect((await removed()).length).toBeLessThanOrEqual((1024 * 1024) / 5000);
  });
});

test('a selection counts what an invalidation would remove, and tells the same keys', async () => {
  const { cache, put } = createCache();
  for (let at = 0; at < 250; at++) put(`a${at}`);
  put('b');
  const selected = await cache.inspection.select('a*');
  expect(cache.getStats().size).toBe(251);
  const keys: string[] = [];
  const count = cache.invalidate('a*', undefined, keys);
  expect(selected).toEqual({ count, keys });
  expect([count, keys.length]).toEqual([250, 100]);
});
