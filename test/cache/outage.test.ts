import { Cache, type CacheOptions, ReadTrace } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

const OUTAGE = new Error('The database is away.');

function createTestCache(options: CacheOptions = {}) {
  const clock = createTestClock();
  const cache = new Cache({ clock, staleIfErrorSeconds: 60, isOutage: (error) => error === OUTAGE, ...options });
  const trace = new ReadTrace();
  let count = 0;
  return {
    clock,
    cache,
    trace,
    /** Each load returns the next number. */
    read: () => cache.read('a', async () => ++count, { layer: 'values', trace }),
    fail: (error: Error) => cache.read('a', () => Promise.reject(error), { layer: 'values', trace }),
  };
}

describe('while the cache is suspended', () => {
  test('nothing is served as fresh, every reader loads, and nothing is stored', async () => {
    const { cache, read } = createTestCache();
    await read();
    cache.suspend();
    expect(cache.isLive).toBe(false);
    expect(cache.get('a')).toBeUndefined();
    expect([await read(), await read()]).toEqual([2, 3]);
    cache.set('b', 1);
    expect(cache.get('b')).toBeUndefined();
    cache.resume();
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, undefined]);
    expect(await read()).toBe(4);
  });

  // One of them may have begun before a change that was not announced.
  test('readers do not share a load', async () => {
    const { cache, read } = createTestCache();
    cache.suspend();
    expect(await Promise.all([read(), read()])).toEqual([1, 2]);
  });

  test('a load that began does not store after the cache has resumed', async () => {
    const { cache, read } = createTestCache();
    const { promise, resolve } = Promise.withResolvers<number>();
    cache.suspend();
    const early = cache.read('a', () => promise, { layer: 'values' });
    cache.resume();
    const late = await read();
    resolve(100);
    expect([await early, late]).toEqual([100, 1]);
    expect(cache.get('a')).toBe(1);
  });

  test('a value that is set removes the old one, and none of them replaces a failed load', async () => {
    const { cache, read, fail } = createTestCache();
    await read();
    cache.suspend();
    cache.set('a', 2);
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });

  test('a change that is announced all the same removes what it changed', async () => {
    const { cache, read, fail } = createTestCache();
    await read();
    cache.suspend();
    cache.announce({ records: [{ key: 'a', version: 2, value: 2 }], tags: [], change: {} });
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });
});

describe('when the cache resumes', () => {
  test('everything held before has left', async () => {
    const { cache, read } = createTestCache();
    await read();
    cache.suspend();
    cache.resume();
    expect(cache.isLive).toBe(true);
    expect(cache.getStats()).toMatchObject({ size: 0, evictions: 0 });
    expect([await read(), await read()]).toEqual([2, 2]);
  });
});

describe('the last known value', () => {
  test('replaces a load that failed by an outage, until its grace is over', async () => {
    const { cache, clock, trace, read, fail } = createTestCache();
    await read();
    clock.advanceSeconds(10);
    cache.suspend();
    clock.advanceSeconds(59);
    expect(await fail(OUTAGE)).toBe(1);
    expect(trace).toMatchObject({ hits: 0, misses: 2, stale: 1 });
    clock.advanceSeconds(1);
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
    expect(trace.stale).toBe(1);
  });

  test('has the grace that was configured', async () => {
    const { cache, clock, read, fail } = createTestCache({ staleIfErrorSeconds: 10 });
    await read();
    cache.suspend();
    clock.advanceSeconds(9);
    expect(await fail(OUTAGE)).toBe(1);
    clock.advanceSeconds(1);
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });

  test('has its grace from the first suspension on, however often suspend is called', async () => {
    const { cache, clock, read, fail } = createTestCache();
    await read();
    cache.suspend();
    clock.advanceSeconds(59);
    cache.suspend();
    clock.advanceSeconds(1);
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });

  test('has its grace from its expiry on if that was earlier', async () => {
    const { cache, clock, read, fail } = createTestCache({ ttlSeconds: 10 });
    await read();
    clock.advanceSeconds(10 + 30);
    cache.suspend();
    clock.advanceSeconds(29);
    expect(await fail(OUTAGE)).toBe(1);
    clock.advanceSeconds(1);
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });

  test('does not replace a load that failed for another reason', async () => {
    const { cache, read, fail } = createTestCache();
    await read();
    cache.suspend();
    const fault = new Error('a bug');
    await expect(fail(fault)).rejects.toBe(fault);
  });

  test('replaces nothing without isOutage', async () => {
    const { cache, read, fail } = createTestCache({ isOutage: undefined });
    await read();
    cache.suspend();
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });

  test('is returned to each reader of the failed load', async () => {
    const { clock, trace, read, fail } = createTestCache({ ttlSeconds: 10 });
    await read();
    clock.advanceSeconds(10);
    expect(await Promise.all([fail(OUTAGE), fail(OUTAGE)])).toEqual([1, 1]);
    expect(trace.stale).toBe(2);
  });

  test('may be an absence', async () => {
    const { cache, fail } = createTestCache();
    cache.set('a', null);
    cache.suspend();
    expect(await fail(OUTAGE)).toBeNull();
  });

  test('survives a sweep during its grace, but not after it', async () => {
    const { cache, clock, read, fail } = createTestCache({ ttlSeconds: 10 });
    await read();
    cache.suspend();
    clock.advanceSeconds(30);
    expect(cache.cleanupExpired()).toBe(0);
    expect(await fail(OUTAGE)).toBe(1);
    clock.advanceSeconds(40);
    expect(cache.cleanupExpired()).toBe(1);
  });

  test('has left when the cache was cleared', async () => {
    const { cache, read, fail } = createTestCache();
    await read();
    cache.suspend();
    expect(cache.clear()).toBe(1);
    await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  });
});

test('after a load has met an outage, other loads fail at once, until it is time to try again', async () => {
  const { cache, clock, read, fail } = createTestCache();
  cache.suspend();
  await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  await expect(read()).rejects.toBe(OUTAGE);
  clock.advanceSeconds(1);
  expect(await read()).toBe(1);
});

test('loads that failed at once do not delay the next attempt', async () => {
  const { cache, clock, fail, read } = createTestCache();
  cache.suspend();
  await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  clock.advanceSeconds(0.6);
  await expect(read()).rejects.toBe(OUTAGE);
  clock.advanceSeconds(0.4);
  expect(await read()).toBe(1);
});

test('an outage that a load met is over when another load succeeds, although it began before', async () => {
  const { cache, read, fail } = createTestCache();
  const { promise, resolve } = Promise.withResolvers<number>();
  cache.suspend();
  const early = cache.read('b', () => promise, { layer: 'values' });
  await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  resolve(100);
  await early;
  expect(await read()).toBe(1);
});

test('an outage that a load met is over when the cache resumes, also for the next suspension', async () => {
  const { cache, read, fail } = createTestCache();
  cache.suspend();
  await expect(fail(OUTAGE)).rejects.toBe(OUTAGE);
  cache.resume();
  cache.suspend();
  expect(await read()).toBe(1);
});

test.each([
  ['absent', null],
  ['newer', { version: 2 }],
])(
  'a record that was read as %s while the cache was suspended does not return in the next outage',
  async (_how, seen) => {
    const { cache } = createTestCache();
    const readRecord = (load: () => Promise<{ version: number } | null>) =>
      cache.read('r', load, { layer: 'records', versionOf: (record) => record!.version });
    await readRecord(async () => ({ version: 1 }));
    cache.suspend();
    expect(await readRecord(async () => seen)).toEqual(seen);
    await expect(readRecord(() => Promise.reject(OUTAGE))).rejects.toBe(OUTAGE);
  },
);

test('a record that was read unchanged while the cache was suspended may still replace a failed load', async () => {
  const { cache } = createTestCache();
  const readRecord = (load: () => Promise<{ version: number }>) =>
    cache.read('r', load, { layer: 'records', versionOf: ({ version }) => version });
  await readRecord(async () => ({ version: 1 }));
  cache.suspend();
  await readRecord(async () => ({ version: 1 }));
  expect(await readRecord(() => Promise.reject(OUTAGE))).toEqual({ version: 1 });
});
