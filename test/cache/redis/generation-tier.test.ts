import type { TierMessage } from '../../../src/cache/index.ts';
import { createTestClock } from '../../../src/testing/test-clock.ts';
import { createFakeStore, FakeServer } from './fake-store.ts';
import { createSite, delivered, fullKeyOf, item, keyOf } from './site.ts';
import { describeTierStoreContract } from './tier-store-contract.ts';

const contractClock = createTestClock();
const contractServer = new FakeServer(contractClock);

describeTierStoreContract('fake', {
  connect: async () => {
    const fake = createFakeStore({ server: contractServer, clock: contractClock });
    fake.store.start({ onUp() {}, onDown() {} });
    fake.up();
    return fake.store;
  },
  put: async (key, text) => contractServer.put(key, text),
  timeToLiveMs: async (key) => contractServer.timeToLiveMs(key),
});

test('a new instance finds what others have read, without a statement', async () => {
  const site = createSite();
  site.rows.set('a', item('a')).set('b', item('b'));
  const first = await site.start();
  await first.read('a', 'b');
  await delivered();
  expect(site.asked()).toEqual(['find a,b']);
  const second = await site.start();
  expect(await second.read('b', 'a')).toEqual([item('b'), item('a')]);
  expect(site.asked()).toEqual([]);
  expect(second.cache.getStats()).toMatchObject({ hits: 0, misses: 2 });
  expect(second.cache.getStats().layers.find(({ name }) => name === 'redis')).toEqual({
    name: 'redis',
    hits: 2,
    misses: 0,
    size: 0,
    evictions: 0,
    hitRatePercent: 100,
  });
});

test('a change is written to the tier whether or not the record was held there, and read without a statement', async () => {
  const site = createSite();
  const first = await site.start();
  await site.write('a', item('a', 1));
  await site.write('a', item('a', 2));
  const second = await site.start();
  expect(await second.read('a')).toEqual([item('a', 2)]);
  expect(await first.read('a')).toEqual([item('a', 2)]);
  expect(site.asked()).toEqual([]);
});

test('absence is never taken from the tier, because a deleted row may have been created again', async () => {
  const site = createSite();
  await site.start();
  await site.write('a', item('a', 5));
  await site.write('a', null);
  await site.write('a', item('a', 1));
  const other = await site.start();
  expect(await other.read('a')).toEqual([item('a', 1)]);
  expect(await other.read('b')).toEqual([null]);
  expect(site.asked()).toEqual(['find a', 'find b']);
});

test('a change of unknown content is loaded', async () => {
  const site = createSite();
  await site.start();
  await site.write('a', item('a', 1));
  await site.write('a', item('a', 2), { isKnown: false });
  const other = await site.start();
  expect(await other.read('a')).toEqual([item('a', 2)]);
  expect(site.asked()).toEqual(['find a']);
});

describe('a record of another generation', () => {
  /** Creates a site whose only instance has ended, so that changes are missed. */
  async function createForsakenSite() {
    const site = createSite();
    for (const id of ['a', 'b', 'c', 'd']) site.rows.set(id, item(id));
    const gone = await site.start();
    await gone.read('a', 'b', 'c');
    await delivered();
    await gone.secondTier.close();
    gone.cache.suspend();
    site.asked();
    return site;
  }

  test('is checked in one narrow statement, and is current from then on', async () => {
    const site = await createForsakenSite();
    const next = await site.start();
    expect(await next.read('a', 'b')).toEqual([item('a'), item('b')]);
    await delivered();
    expect(site.asked()).toEqual(['check a,b']);
    const other = await site.start();
    await other.read('a', 'b');
    expect(site.asked()).toEqual([]);
  });

  test('is loaded if it was changed or deleted while no instance listened', async () => {
    const site = await createForsakenSite();
    site.rows.set('a', item('a', 2));
    site.rows.delete('b');
    const next = await site.start();
    expect(await next.read('a', 'b', 'c', 'd')).toEqual([item('a', 2), null, item('c'), item('d')]);
    expect(site.asked()).toEqual(['check a,b,c', 'find a,b,d']);
  });

  test('is loaded without a check, together with the missing ones, if those are more', async () => {
    const site = await createForsakenSite();
    const next = await site.start();
    await next.read('a', 'd', 'e');
    expect(site.asked()).toEqual(['find a,d,e']);
  });

  test.each([
    ['is checked if it was written before the feed was lost', 'resume', 'check a'],
    ['is not even checked if the cache was cleared since', 'clear', 'find a'],
    ['is not even checked if a pattern was invalidated since', 'invalidate', 'find a'],
  ] as const)('%s', async (_name, disturbance, statement) => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    if (disturbance === 'resume') instance.cache.suspend();
    instance.cache[disturbance]('*');
    await delivered();
    instance.cache.delete(keyOf('a'));
    site.asked();
    await instance.read('a');
    expect(site.asked()).toEqual([statement]);
  });

  test('is loaded again after its TTL, however often it was checked since', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    site.waitSeconds(200, instance);
    instance.cache.suspend();
    instance.cache.resume();
    await instance.read('a');
    await delivered();
    site.waitSeconds(101, instance);
    // A session that disabled all triggers: the version does not show the change.
    site.rows.set('a', { ...item('a'), name: 'changed without a word' });
    instance.cache.delete(keyOf('a'));
    expect(await instance.read('a')).toEqual([{ ...item('a'), name: 'changed without a word' }]);
    expect(site.asked()).toEqual(['find a', 'check a', 'find a']);
  });

  test('is not used after its TTL, even if it is still held', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    // The guard of a repeated announcement keeps the entry for longer than it may be used.
    site.waitSeconds(299, instance);
    instance.secondTier.announce([{ key: keyOf('a'), version: 0, value: undefined }]);
    await delivered();
    site.clock.advanceSeconds(1);
    site.asked();
    await instance.read('a');
    expect(site.asked()).toEqual(['find a']);
  });

  test('may be one that an instance wrote late, after a pause', async () => {
    const site = createSite();
    const [late, other] = [await site.start(), await site.start()];
    const { cache: except } = late;
    await site.write('a', item('a', 1), { except });
    await site.write('a', null, { except });
    site.waitSeconds(61, other);
    // The tombstone has expired by now, and the process continues with the first waiting announcement.
    except.announce({ records: [{ key: keyOf('a'), version: 1, value: item('a', 1) }], tags: [], change: null });
    await delivered();
    expect(site.entry('a').r).toEqual(item('a', 1));
    expect(await other.read('a')).toEqual([null]);
  });

  test('may be one that the instance itself wrote before a pause', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    site.clock.advanceSeconds(6);
    instance.cache.delete(keyOf('a'));
    site.asked();
    await instance.read('a');
    expect(site.asked()).toEqual(['check a']);
  });
});

describe('instances that ask each other for a generation', () => {
  test('end up in one generation, in whatever order they left theirs', async () => {
    const site = createSite();
    const instances = [await site.start(), await site.start(), await site.start()];
    for (const { cache } of [...instances, instances[0]!]) {
      cache.suspend();
      cache.resume();
      await delivered();
    }
    for (const [index, { read }] of instances.entries()) {
      await read(`${index}`);
      site.rows.set(`${index}`, item(`${index}`));
    }
    await site.write('shared', item('shared'));
    site.asked();
    for (const { cache, read } of instances) {
      cache.delete(keyOf('shared'));
      await read('shared');
    }
    expect(site.asked()).toEqual([]);
  });

  test('do not join an instance that writes to another store', async () => {
    const site = createSite();
    const [one, elsewhere] = [await site.start(), await site.start('elsewhere')];
    await one.read('x');
    await site.write('a', item('a'));
    expect(site.messages.map(({ command }) => command)).toEqual(['sync', 'sync', 'synced']);
    const generationOf = (key: string) => JSON.parse(site.server.get(key)!).g;
    expect(generationOf('elsewhere:items_a')).not.toBe(generationOf('test:items_a'));
    expect(await elsewhere.read('a')).toEqual([item('a')]);
  });

  test('do not believe an answer without a proof in the tier', async () => {
    const site = createSite();
    site.server.put(fullKeyOf('a'), JSON.stringify({ v: 9, g: '0', u: site.clock.now() * 2, r: item('a', 9) }));
    site.rows.set('a', item('a', 2));
    const instance = await site.start();
    const [{ question }] = site.messages as [TierMessage];
    instance.secondTier.receive({ command: 'synced', question, from: 'stranger', generation: '0' });
    await delivered();
    expect(await instance.read('a')).toEqual([item('a', 2)]);
  });

  test('get no answer from an instance that cannot reach the tier', async () => {
    const site = createSite();
    const away = await site.start();
    away.fake.down();
    await site.start();
    expect(site.messages.map(({ command }) => command)).toEqual(['sync', 'sync']);
  });
});

describe('while the tier is away', () => {
  test('everything is read from the database, and what was written before is checked later', async () => {
    const site = createSite();
    site.rows.set('a', item('a'));
    const instance = await site.start();
    await instance.read('a');
    await delivered();
    instance.fake.down();
    await site.write('b', item('b'));
    site.rows.set('a', item('a', 2));
    instance.cache.delete(keyOf('a'));
    expect(await instance.read('a')).toEqual([item('a', 2)]);
    instance.fake.up();
    await delivered();
    instance.cache.delete(keyOf('a'));
    site.asked();
    expect(await instance.read('a')).toEqual([item('a', 2)]);
    // This instance read the new version while the tier was away, so it knows without a check that the tier's is older.
    expect(site.asked()).toEqual(['find a']);
    expect(instance.errors).toEqual([new Error('The tier is lost.')]);
  });

  test('it is not called', async () => {
    const site = createSite();
    const instance = await site.start();
    instance.fake.down();
    const before = instance.secondTier.counters.misses;
    await instance.read('a');
    expect(instance.secondTier.counters.misses).toBe(before);
    expect(instance.secondTier.isUp).toBe(false);
  });
});

test.each([
  'garbage',
  '{}',
  '[1]',
  '"text"',
  JSON.stringify({ v: 1, g: 'x', u: 1e15, r: 'text' }),
  JSON.stringify({ v: 1, g: 'x', u: 1e15, r: [] }),
  JSON.stringify({ v: 1, g: 'x', u: 1e15, r: {} }),
  JSON.stringify({ v: 1, g: 'x', u: 1e15, r: item('another') }),
  JSON.stringify({ v: 2, g: 'x', u: 1e15, r: item('a', 1) }),
  JSON.stringify({ v: 1, g: 'x', u: 1e15, r: { ...item('a'), name: { deep: [] } } }),
])('what is no record of the key is a miss: %s', async (text) => {
  const site = createSite();
  site.rows.set('a', item('a'));
  const instance = await site.start();
  site.server.put(fullKeyOf('a'), text);
  expect(await instance.read('a')).toEqual([item('a')]);
  await delivered();
  expect(site.asked()).toEqual(['find a']);
});

test('keys without the prefix are not touched, whatever is cleared', async () => {
  const site = createSite();
  site.server.put('items_a', 'foreign');
  site.server.put('test', 'foreign');
  const instance = await site.start();
  await site.write('a', item('a'));
  instance.cache.clear();
  instance.cache.invalidate('*');
  await delivered();
  expect([site.server.get('items_a'), site.server.get('test')]).toEqual(['foreign', 'foreign']);
});

test('a reader is not given an older version, which the tier still holds, after a newer one', async () => {
  const site = createSite();
  await site.start();
  await site.write('a', item('a', 1));
  const ahead = await site.start();
  // Committed, but not announced yet.
  site.rows.set('a', item('a', 2));
  const load = async () => 'loaded';
  await ahead.cache.read(
    'items_list',
    async (lease) => {
      lease.prime(keyOf('a'), item('a', 2), { layer: 'items', version: 2 });
      return load();
    },
    { layer: 'items_list' },
  );
  ahead.cache.delete(keyOf('a'));
  expect(await ahead.read('a')).toEqual([item('a', 2)]);
});

test('a primed record without a version does not affect what the tier returns', async () => {
  const site = createSite();
  const instance = await site.start();
  await site.write('a', item('a', 1));
  await instance.cache.read(
    'items_list',
    async (lease) => {
      lease.prime(keyOf('a'), item('a', 1), { layer: 'items' });
      return ['a'];
    },
    { layer: 'items_list' },
  );
  instance.cache.delete(keyOf('a'));
  expect(await instance.read('a')).toEqual([item('a', 1)]);
  expect(site.asked()).toEqual([]);
});

test('the result of a very slow load is not stored, because the guard that would refuse it has expired', async () => {
  const site = createSite();
  site.rows.set('a', item('a'));
  const [slow, other] = [await site.start(), await site.start()];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  site.answerAfter(answered);
  const loading = slow.read('a');
  await delivered();
  await site.write('a', null, { except: slow.cache });
  site.waitSeconds(61, other);
  answer();
  expect(await loading).toEqual([item('a')]);
  await delivered();
  expect(await other.read('a')).toEqual([null]);
});

test('a change that is written too late ends the connection, and with it the membership', async () => {
  const site = createSite();
  const instance = await site.start();
  const { generation } = instance.secondTier;
  const writing = site.write('a', item('a', 1));
  // Between the announcement and the write to the tier.
  site.clock.advanceSeconds(11);
  await writing;
  expect(instance.fake.restarts).toHaveLength(1);
  instance.fake.up();
  expect(instance.secondTier.generation).not.toBe(generation);
});

test('what a load found is not stored if it changed meanwhile', async () => {
  const site = createSite();
  site.rows.set('a', item('a'));
  const instance = await site.start();
  const loading = instance.read('a');
  await site.write('a', item('a', 2));
  await loading;
  await delivered();
  expect(site.entry('a')).toMatchObject({ v: 2, r: item('a', 2) });
});
