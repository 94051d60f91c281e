import { Cache, type Entry, type Picked, ServedSample } from '../../src/cache/index.ts';

const OPTIONS = { layer: 'records', versionOf: (record: { readonly version: number }) => record.version };

/** A cache with 1,000 records of version 1, of which every read is picked unless `options` say otherwise. */
async function createCache(options: Partial<ConstructorParameters<typeof ServedSample>[0]> = {}) {
  const sample = new ServedSample({ percent: 100, ...options });
  const cache = new Cache({ sample });
  const read = (key: string) => cache.read(key, async () => ({ version: 1 }), OPTIONS);
  for (let record = 0; record < 1000; record++) await read(`records_${record}`);
  sample.take();
  return { cache, sample, read };
}

function keysOf(picked: Picked): string[] {
  return [...picked.keys()].map(({ key }) => key);
}

test('picks all reads at 100 percent, each entry once until the next take', async () => {
  const { sample, read } = await createCache();
  for (const key of ['records_1', 'records_2', 'records_1']) await read(key);
  expect(keysOf(sample.take())).toEqual(['records_1', 'records_2']);
  expect(keysOf(sample.take())).toEqual([]);
});

test.each([0.5, 3, 40])('picks %d percent of many reads, however regular they are', async (percent) => {
  const { sample, read } = await createCache({ percent });
  let picked = 0;
  for (let record = 0; record < 10_000; record++) {
    await read(`records_${record % 1000}`);
    picked += sample.take().size;
  }
  const expected = 100 * percent;
  expect(Math.abs(picked - expected)).toBeLessThan(6 * Math.sqrt(expected));
});

test('picks all parts of a value that was made of several', async () => {
  const { cache, sample } = await createCache();
  const parts = ['records_1', 'records_2', 'records_3'].map((key) => ({ key, isHeld: true }) as Entry);
  cache.noteServed({ entries: parts });
  expect(keysOf(sample.take())).toEqual(['records_1', 'records_2', 'records_3']);
});

test('picks all parts of a value, or none, as one read', async () => {
  const { cache, sample } = await createCache({ percent: 50, random: () => 0.99 });
  const parts = ['records_1', 'records_2', 'records_3'].map((key) => ({ key, isHeld: true }) as Entry);
  const picked = [1, 2, 3].map(() => {
    cache.noteServed({ entries: parts });
    return sample.take().size;
  });
  expect(picked.toSorted()).toEqual([0, 0, 3]);
});

test('picks no part that has left', async () => {
  const { cache, sample } = await createCache();
  cache.noteServed({ entries: [{ key: 'records_1', isHeld: false } as Entry] });
  expect(keysOf(sample.take())).toEqual([]);
});

test('picks what announcements replace or leave alone, and nothing that has left', async () => {
  const { cache, sample } = await createCache();
  const list = { layer: 'lists', tags: ['all'], isAffectedBy: (change: unknown) => change === 'other' };
  cache.set('list', [], list);
  cache.announce({ records: [{ key: 'records_1', version: 2, value: { version: 2 } }], tags: ['all'], change: 'one' });
  expect(keysOf(sample.take())).toEqual(['records_1', 'list']);
  cache.announce({ records: [], tags: ['all'], change: 'other' });
  expect(keysOf(sample.take())).toEqual([]);
});

test('knows a record that is older than its announcement', async () => {
  const { sample, read } = await createCache();
  sample.noteAnnounced({ key: 'records_1', version: 2, value: undefined });
  sample.noteAnnounced({ key: 'records_2', version: 1, value: undefined });
  for (const key of ['records_1', 'records_2', 'records_3']) await read(key);
  expect([...sample.take().values()]).toEqual([true, false, false]);
  expect(sample.wasAnnounced('records_1', 2)).toBe(true);
  expect(sample.wasAnnounced('records_1', 3)).toBe(false);
});

test('knows whether a deletion was announced last', async () => {
  const { sample } = await createCache();
  const announce = (value: unknown) => sample.noteAnnounced({ key: 'records_1', version: 2, value });
  const isDeleted = () => sample.wasAnnounced('records_1', null);
  expect(isDeleted()).toBe(false);
  announce({ version: 2 });
  expect([isDeleted(), sample.wasAnnounced('records_1', 2)]).toEqual([false, true]);
  announce(null);
  expect([isDeleted(), sample.wasAnnounced('records_1', 2)]).toEqual([true, false]);
});

test('knows the last ten thousand announcements', async () => {
  const { sample } = await createCache();
  for (let record = 0; record <= 10_000; record++)
    sample.noteAnnounced({ key: `records_${record}`, version: 1, value: undefined });
  const isKnown = [0, 1, 10_000].map((record) => sample.wasAnnounced(`records_${record}`, 1));
  expect(isKnown).toEqual([false, true, true]);
});

test.each([0, -1, 100.5, Number.NaN])('refuses %d percent', (percent) => {
  expect(() => new ServedSample({ percent })).toThrow(
    new RangeError(`percent must be above 0, at most 100; got ${percent}.`),
  );
});

test('forgets announcements when the cache is cleared: versions may begin again', async () => {
  const { cache, sample, read } = await createCache();
  sample.noteAnnounced({ key: 'records_1', version: 2, value: undefined });
  cache.clear();
  await read('records_1');
  expect([...sample.take().values()]).toEqual([false]);
});

test('holds no more than a round can look at', async () => {
  const { sample } = await createCache();
  for (let record = 0; record < 5000; record++) sample.note({ key: `records_${record}`, isHeld: true } as Entry);
  expect(sample.take().size).toBe(1000);
});
