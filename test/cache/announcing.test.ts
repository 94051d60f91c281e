import { type Announcement, Cache, type CacheOptions } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';
import { createPendingLoads } from './pending-loads.ts';

interface Item {
  readonly version: number;
  readonly isOnline?: boolean;
}

const RECORDS = { layer: 'records', versionOf: (item: Item) => item.version };
const LISTS = { layer: 'lists', tagsOf: () => ['items'] };

function createTestCache(options: CacheOptions = {}) {
  const clock = createTestClock();
  const cache = new Cache({ clock, ...options });
  const loads = createPendingLoads();
  return {
    clock,
    cache,
    loads,
    readRecords: (...keys: string[]) => cache.readMany<Item>(keys, loads.loadMissing, RECORDS),
    readList: () => cache.readMany<string[]>(['list'], loads.loadMissing, LISTS),
    hold: (key: string, item: Item | null) =>
      cache.set(key, item, item ? { layer: 'records', version: item.version } : { layer: 'records' }),
  };
}

function update(key: string, version: number, value: unknown = { version }): Announcement {
  return { records: [{ key, version, value }], tags: ['items'], change: { key } };
}

function deletion(key: string, lastVersion: number): Announcement {
  return update(key, lastVersion, null);
}

describe('a change announced while a load runs', () => {
  test('gives its value to waiting readers, does not store it, and makes later readers load again', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const early = readRecords('a');
    const first = await loads.next();
    cache.announce(update('a', 2));
    const late = readRecords('a');
    const second = await loads.next();
    first.answer([{ version: 1 }]);
    expect(await early).toEqual([{ version: 1 }]);
    expect(cache.get('a')).toBeUndefined();
    second.answer([{ version: 2 }]);
    expect(await late).toEqual([{ version: 2 }]);
    expect(cache.get('a')).toEqual({ version: 2 });
  });

  test('keeps an old load that ends late from replacing the value of a newer load', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const early = readRecords('a');
    const first = await loads.next();
    cache.announce(update('a', 2));
    const late = readRecords('a');
    (await loads.next()).answer([{ version: 2 }]);
    await late;
    first.answer([{ version: 1 }]);
    await early;
    expect(cache.get('a')).toEqual({ version: 2 });
  });

  test('of one key of a batch does not affect the other keys', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const batch = readRecords('a', 'b');
    const load = await loads.next();
    cache.announce(update('a', 2));
    load.answer([{ version: 1 }, { version: 1 }]);
    expect(await batch).toEqual([{ version: 1 }, { version: 1 }]);
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, { version: 1 }]);
  });

  test('counts also if the loader has not been called yet', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const read = readRecords('a');
    cache.announce(update('a', 2));
    (await loads.next()).answer([{ version: 1 }]);
    await read;
    expect(cache.get('a')).toBeUndefined();
  });

  test('counts for an old load after newer loads have ended', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const reads = [readRecords('a'), readRecords('b')];
    const [loadOfA, loadOfB] = [await loads.next(), await loads.next()];
    cache.announce(update('b', 2));
    loadOfA.answer([{ version: 1 }]);
    await reads[0];
    loadOfB.answer([{ version: 1 }]);
    await reads[1];
    expect(cache.get('b')).toBeUndefined();
  });

  test('counts for a list with its tag', async () => {
    const { cache, loads, readList } = createTestCache();
    const early = readList();
    const first = await loads.next();
    cache.announce(update('a', 2));
    const late = readList();
    (await loads.next()).answer([['a', 'b']]);
    first.answer([['a']]);
    expect([await early, await late]).toEqual([[['a']], [['a', 'b']]]);
    // It is unknown which of the two queried the database later, so neither is stored.
    expect(cache.get('list')).toBeUndefined();
  });

  test('does not count for a list that it does not affect', async () => {
    const { cache, loads } = createTestCache();
    const asked: unknown[] = [];
    const isAffectedBy = (change: unknown, value: unknown, key: string) => {
      asked.push([change, value, key]);
      return false;
    };
    const list = cache.readMany(['list'], loads.loadMissing, { ...LISTS, isAffectedBy });
    const load = await loads.next();
    cache.announce(update('a', 2));
    load.answer([['a']]);
    await list;
    expect(cache.get('list')).toEqual(['a']);
    expect(asked).toEqual([[{ key: 'a' }, undefined, 'list']]);
  });

  test('counts for all lists of one load if it affects one of them', async () => {
    const { cache } = createTestCache();
    const { promise, resolve } = Promise.withResolvers<string[][]>();
    const isAffectedBy = (change: unknown, _list: unknown, key: string) => change === key;
    const read = cache.readMany(['one', 'other'], () => promise, { ...LISTS, isAffectedBy });
    cache.announce({ records: [], tags: ['items'], change: 'other' });
    resolve([['a'], ['b']]);
    expect(await read).toEqual([['a'], ['b']]);
    expect([cache.get('one'), cache.get('other')]).toEqual([undefined, undefined]);
  });

  test('refuses only the changed record among those that a list primed', async () => {
    const { cache, loads } = createTestCache();
    const list = cache.readMany(['list'], loads.loadMissing, { ...LISTS, isAffectedBy: () => false });
    const load = await loads.next();
    cache.announce(update('a', 2));
    for (const key of ['a', 'b']) load.lease.prime(key, { version: 1 }, { layer: 'records', version: 1 });
    load.answer([['a', 'b']]);
    await list;
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, { version: 1 }]);
  });

  test('keeps a list from being stored, but not the unchanged records that it primed', async () => {
    const { cache, loads, readList } = createTestCache();
    const list = readList();
    const load = await loads.next();
    cache.announce(update('a', 2));
    load.lease.prime('b', { version: 1 }, { layer: 'records', version: 1 });
    load.answer([['b']]);
    await list;
    expect([cache.get('list'), cache.get('b')]).toEqual([undefined, { version: 1 }]);
  });
});

describe('a running load does not store after', () => {
  test.each<[string, (cache: Cache) => void]>([
    ['its key was deleted', (cache) => cache.delete('a')],
    ['the cache was cleared', (cache) => cache.clear()],
    ['its key was invalidated by a pattern', (cache) => cache.invalidate('?')],
    ['the cache was suspended', (cache) => cache.suspend()],
    [
      'the cache was suspended and resumed',
      (cache) => {
        cache.suspend();
        cache.resume();
      },
    ],
  ])('%s, for what it was asked and for what it brings along', async (_what, intervene) => {
    const { cache, loads, readRecords } = createTestCache();
    const reads = [readRecords('a'), cache.readMany(['list'], loads.loadMissing, { layer: 'lists' })];
    const [record, list] = [await loads.next(), await loads.next()];
    intervene(cache);
    list.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
    expect(cache.get('a')).toBeUndefined();
    const later = readRecords('a');
    const second = await loads.next();
    record.answer([{ version: 1 }]);
    list.answer([['a']]);
    await Promise.all(reads);
    expect(cache.get('a')).toBeUndefined();
    second.answer([{ version: 2 }]);
    expect(await later).toEqual([{ version: 2 }]);
  });

  test('its key was set: the set value stays', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const read = readRecords('a');
    const load = await loads.next();
    cache.set('a', { version: 2 });
    load.answer([{ version: 1 }]);
    await read;
    expect(cache.get('a')).toEqual({ version: 2 });
  });

  test('but it does after other keys were invalidated', async () => {
    const { cache, loads, readRecords, readList } = createTestCache();
    const reads = [readRecords('a'), readList()];
    const [record, list] = [await loads.next(), await loads.next()];
    cache.invalidate('b*');
    list.answer([['a']]);
    record.answer([{ version: 1 }]);
    await Promise.all(reads);
    expect([cache.get('a'), cache.get('list')]).toEqual([{ version: 1 }, ['a']]);
  });

  test('its end: a record primed later is not stored', async () => {
    const { cache, loads, readList } = createTestCache();
    const list = readList();
    const load = await loads.next();
    load.fail(new Error('one of its queries failed'));
    await expect(list).rejects.toThrow('one of its queries failed');
    cache.announce(update('a', 2));
    load.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
    expect(cache.get('a')).toBeUndefined();
  });
});

describe('after a reader was given a record that may not be stored', () => {
  /** One reader was given this version by a load that a change had invalidated, while another load runs. */
  async function give(version: number | null) {
    const { cache, loads, readRecords } = createTestCache();
    const first = readRecords('a');
    const load = await loads.next();
    cache.announce(update('a', 2));
    const second = readRecords('a');
    const running = await loads.next();
    load.answer([version && { version }]);
    await first;
    return { cache, loads, readRecords, second, running };
  }

  test.each([
    ['an older version', { version: 2 }, undefined],
    ['absence', null, undefined],
    ['the same version', { version: 3 }, { version: 3 }],
    ['a newer version', { version: 4 }, { version: 4 }],
  ])('is not followed by an older one: of %s from a load that ran already', async (_what, brought, held) => {
    const { cache, second, running } = await give(3);
    running.answer([brought]);
    expect(await second).toEqual([brought]);
    expect(cache.get('a')).toEqual(held);
  });

  test('later readers start a load of their own, which may store whatever it finds', async () => {
    const { cache, loads, readRecords, second, running } = await give(3);
    const later = readRecords('a');
    (await loads.next()).answer([{ version: 1 }]);
    expect(await later).toEqual([{ version: 1 }]);
    expect(cache.get('a')).toEqual({ version: 1 });
    // A reader has been given version 2 now, so version 1 must leave as well.
    running.answer([{ version: 2 }]);
    await second;
    expect(cache.get('a')).toBeUndefined();
  });

  test('the newest version that any reader was given counts', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const reads = [readRecords('a')];
    const first = await loads.next();
    cache.announce(update('a', 2));
    reads.push(readRecords('a'));
    const second = await loads.next();
    cache.announce(update('a', 3));
    reads.push(readRecords('a'));
    const third = await loads.next();
    first.answer([{ version: 5 }]);
    await reads[0];
    second.answer([{ version: 4 }]);
    await reads[1];
    third.answer([{ version: 4 }]);
    expect(await reads[2]).toEqual([{ version: 4 }]);
    expect(cache.get('a')).toBeUndefined();
  });

  test('an older version that is held by now leaves, and a newer one stays', async () => {
    for (const [version, held] of [
      [1, undefined],
      [3, { version: 3 }],
      [4, { version: 4 }],
    ] as const) {
      const { cache, loads, readRecords } = createTestCache();
      const read = readRecords('a');
      const load = await loads.next();
      cache.set('a', { version }, { layer: 'records', version });
      load.answer([{ version: 3 }]);
      expect(await read).toEqual([{ version: 3 }]);
      expect(cache.get('a')).toEqual(held);
    }
  });

  test('and the record was absent, later readers do not share a load that was running', async () => {
    const { cache, loads, readRecords, second, running } = await give(null);
    const later = readRecords('a');
    const own = await loads.next();
    running.answer([{ version: 2 }]);
    await second;
    expect(cache.get('a')).toBeUndefined();
    own.answer([{ version: 3 }]);
    expect(await later).toEqual([{ version: 3 }]);
    expect(cache.get('a')).toEqual({ version: 3 });
  });
});

describe('readers still share a load', () => {
  test('after other keys were invalidated', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const reads = [readRecords('a')];
    cache.invalidate('b*');
    reads.push(readRecords('a'));
    (await loads.next()).answer([{ version: 1 }]);
    expect(await Promise.all(reads)).toEqual([[{ version: 1 }], [{ version: 1 }]]);
    expect(loads.count).toBe(1);
  });

  test('after an invalidated load of the same key ended', async () => {
    const { cache, loads, readRecords } = createTestCache();
    const reads = [readRecords('a')];
    const invalidated = await loads.next();
    cache.announce(update('a', 2));
    reads.push(readRecords('a'));
    invalidated.fail(new Error('away'));
    await expect(reads[0]).rejects.toThrow('away');
    reads.push(readRecords('a'));
    (await loads.next()).answer([{ version: 2 }]);
    expect(await Promise.all(reads.slice(1))).toEqual([[{ version: 2 }], [{ version: 2 }]]);
    expect(loads.count).toBe(2);
  });
});

describe('a held record', () => {
  test('is replaced by the announced content without a load', async () => {
    const { cache, loads, readRecords, hold } = createTestCache();
    hold('a', { version: 1 });
    cache.announce(update('a', 2));
    expect(await readRecords('a')).toEqual([{ version: 2 }]);
    expect(loads.count).toBe(0);
    expect(cache.getStats()).toMatchObject({ size: 1, evictions: 0 });
  });

  test('is not replaced by older content', () => {
    const { cache, hold } = createTestCache();
    hold('a', { version: 3 });
    cache.announce(update('a', 2));
    expect(cache.get('a')).toEqual({ version: 3 });
  });

  test('is not replaced by an older version that a load primed', async () => {
    const { cache, loads, readList, hold } = createTestCache();
    const list = readList();
    const load = await loads.next();
    load.lease.prime('a', { version: 2 }, { layer: 'records', version: 2 });
    load.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
    hold('b', { version: 2 });
    load.lease.prime('b', { version: 1 }, { layer: 'records', version: 1 });
    load.answer([['a']]);
    await list;
    expect([cache.get('a'), cache.get('b')]).toEqual([{ version: 2 }, { version: 2 }]);
  });

  test('is known to be absent after its deletion, for the negative TTL', () => {
    const { cache, clock, hold } = createTestCache({ negativeTtlSeconds: 5 });
    hold('a', { version: 3 });
    cache.announce(deletion('a', 3));
    expect(cache.get('a')).toBeNull();
    clock.advanceSeconds(5);
    expect(cache.get('a')).toBeUndefined();
  });

  test('stays when an older deletion is announced', () => {
    const { cache, hold } = createTestCache();
    hold('a', { version: 4 });
    cache.announce(deletion('a', 3));
    expect(cache.get('a')).toEqual({ version: 4 });
  });

  test('that was deleted is not restored by a load that began before', async () => {
    const { cache, loads, readList, hold } = createTestCache();
    hold('a', { version: 3 });
    const list = readList();
    const load = await loads.next();
    cache.announce(deletion('a', 3));
    load.lease.prime('a', { version: 3 }, { layer: 'records', version: 3 });
    load.answer([['a']]);
    await list;
    expect(cache.get('a')).toBeNull();
  });

  test('leaves when its new content is unknown', () => {
    const { cache, hold } = createTestCache();
    hold('a', { version: 1 });
    cache.announce({ records: [{ key: 'a', version: 2, value: undefined }], tags: [], change: {} });
    expect(cache.get('a')).toBeUndefined();
    expect(cache.getStats().errors).toBe(0);
  });

  test('leaves when the announced content cannot be stored; the rest of the announcement still counts', () => {
    const errors: unknown[] = [];
    const { cache, hold } = createTestCache({ onError: (error) => errors.push(error) });
    for (const key of ['a', 'b']) hold(key, { version: 1 });
    cache.announce({
      records: [
        { key: 'a', version: 2, value: { version: 2, at: new Date(0) } },
        { key: 'b', version: 2, value: { version: 2 } },
      ],
      tags: [],
      change: {},
    });
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, { version: 2 }]);
    expect(errors).toEqual([expect.any(TypeError)]);
    expect(cache.getStats().errors).toBe(1);
  });

  test('keeps its own TTL when it is replaced', () => {
    const { cache, clock } = createTestCache();
    cache.set('a', { version: 1 }, { layer: 'records', version: 1, ttlSeconds: 10 });
    clock.advanceSeconds(5);
    cache.announce(update('a', 2));
    clock.advanceSeconds(9);
    expect(cache.get('a')).toEqual({ version: 2 });
    clock.advanceSeconds(1);
    expect(cache.get('a')).toBeUndefined();
  });

  test('keeps its tags when it is replaced, and is asked about its new content', async () => {
    const { cache } = createTestCache();
    await cache.read<Item>('a', async () => ({ version: 1, isOnline: false }), {
      ...RECORDS,
      tagsOf: () => ['managers'],
      isAffectedBy: (_change, item) => item?.isOnline === true,
    });
    cache.announce({ records: [], tags: ['managers'], change: {} });
    expect(cache.get('a')).toEqual({ version: 1, isOnline: false });
    cache.announce(update('a', 2, { version: 2, isOnline: true }));
    cache.announce({ records: [], tags: ['managers'], change: {} });
    expect(cache.get('a')).toBeUndefined();
  });
});

describe('a cached absence', () => {
  test('ends with the insertion', () => {
    const { cache, hold } = createTestCache();
    hold('a', null);
    cache.announce(update('a', 1));
    expect(cache.get('a')).toBeUndefined();
  });

  test('and a presence that two concurrent loads found are both dropped: the next reader loads', async () => {
    const { cache, loads, readRecords, readList } = createTestCache();
    const reads = [readRecords('a'), readList()];
    const [record, list] = [await loads.next(), await loads.next()];
    list.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
    record.answer([null]);
    list.answer([['a']]);
    expect(await reads[0]).toEqual([null]);
    expect(cache.get('a')).toBeUndefined();
    const later = readRecords('a');
    (await loads.next()).answer([{ version: 1 }]);
    expect(await later).toEqual([{ version: 1 }]);
  });
});

test('a record that was dropped over a disagreement is not followed by an older version', async () => {
  const { cache, loads, readRecords } = createTestCache();
  const readList = (name: string) => cache.readMany([name], loads.loadMissing, LISTS);
  const reads = [readRecords('a'), readList('first'), readList('second')];
  const [record, first, second] = [await loads.next(), await loads.next(), await loads.next()];
  second.lease.prime('a', { version: 2 }, { layer: 'records', version: 2 });
  record.answer([null]);
  await reads[0];
  first.lease.prime('a', { version: 1 }, { layer: 'records', version: 1 });
  expect(cache.get('a')).toBeUndefined();
  first.answer([['a']]);
  second.answer([['a']]);
  await Promise.all(reads);
});

describe('a held list', () => {
  const hold = async (cache: Cache, isAffectedBy?: (change: unknown, value: string[] | undefined) => boolean) =>
    void (await cache.read('list', async () => ['a'], { ...LISTS, isAffectedBy }));

  test('leaves when a change affects it, and only then', async () => {
    const { cache } = createTestCache();
    await hold(cache, (change, ids) => ids?.includes((change as { key: string }).key) ?? true);
    cache.announce(update('b', 1));
    expect(cache.get('list')).toEqual(['a']);
    cache.announce(update('a', 2));
    expect(cache.get('list')).toBeUndefined();
    expect(cache.getStats().evictions).toBe(0);
  });

  test('leaves with any change under its tag if it has no isAffectedBy', async () => {
    const { cache } = createTestCache();
    await hold(cache);
    cache.announce({ records: [], tags: ['others'], change: {} });
    expect(cache.get('list')).toEqual(['a']);
    cache.announce({ records: [], tags: ['items'], change: {} });
    expect(cache.get('list')).toBeUndefined();
    expect(cache.getStats().errors).toBe(0);
  });

  test('leaves, and the error is counted, if isAffectedBy throws', async () => {
    const errors: unknown[] = [];
    const { cache } = createTestCache({ onError: (error) => errors.push(error) });
    const fault = new Error('bad filter');
    await hold(cache, () => {
      throw fault;
    });
    cache.announce(update('a', 2));
    expect(cache.get('list')).toBeUndefined();
    expect(errors).toEqual([fault]);
    expect(cache.getStats().errors).toBe(1);
  });

  test('with a repeated tag leaves like any other', () => {
    const { cache } = createTestCache();
    const set = () => cache.set('list', ['a'], { layer: 'lists', tags: ['items', 'items'] });
    set();
    expect(cache.delete('list')).toBe(true);
    set();
    cache.announce(update('a', 1));
    expect([cache.get('list'), cache.getStats().size]).toEqual([undefined, 0]);
  });

  test('is not asked after it has left', async () => {
    const { cache } = createTestCache();
    let asked = 0;
    await hold(cache, () => ++asked > 0);
    cache.announce(update('a', 2));
    cache.announce(update('a', 3));
    expect(asked).toBe(1);
  });

  test('leaves with all others under its tag, whether or not some of them left before', async () => {
    const { cache } = createTestCache();
    const names = ['one', 'two', 'three'];
    const holdAll = async () => {
      for (const name of names) await cache.read(name, async () => [name], LISTS);
    };
    const held = () => names.filter((name) => cache.get(name) !== undefined);
    await holdAll();
    cache.announce(update('a', 1));
    expect(held()).toEqual([]);
    await holdAll();
    cache.delete('two');
    expect(held()).toEqual(['one', 'three']);
    cache.announce(update('a', 2));
    expect(held()).toEqual([]);
  });
});
