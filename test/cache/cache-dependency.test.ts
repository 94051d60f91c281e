import { Cache, ReadTrace } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

const RECORDS = { layer: 'records', versionOf: ({ version }: { version: number }) => version };

function createReader() {
  const clock = createTestClock();
  const cache = new Cache({ clock, ttlSeconds: 300, isOutage: () => true });
  const trace = new ReadTrace();
  const read = (key: string, version = 1) => cache.read(key, async () => ({ id: key, version }), { ...RECORDS, trace });
  const change = (key: string, version: number) =>
    cache.announce({ records: [{ key, version, value: { id: key, version } }], tags: [], change: null });
  let ended = 0;
  const depend = () => cache.dependOn(trace, () => ended++);
  return { cache, clock, trace, read, change, depend, countEnded: () => ended };
}

describe('A dependency', () => {
  test('is valid while everything that was read is held and fresh', async () => {
    const { clock, read, depend } = createReader();
    await Promise.all([read('a'), read('b')]);
    const dependency = depend()!;
    expect(dependency.isValid).toBe(true);
    expect(dependency.keys).toEqual(['a', 'b']);
    clock.advanceSeconds(299);
    expect(dependency.isValid).toBe(true);
    clock.advanceSeconds(1);
    expect(dependency.isValid).toBe(false);
  });

  test.each([
    ['a record is replaced', ({ change }) => change('b', 2)],
    ['a record is deleted', ({ cache }) => cache.delete('b')],
    ['the cache is cleared', ({ cache }) => cache.clear()],
    ['a part of the cache is invalidated', ({ cache }) => cache.invalidate('b*')],
    ['a value is set again', ({ cache }) => cache.set('b', { id: 'b', version: 1 })],
  ] as [string, (reader: ReturnType<typeof createReader>) => unknown][])(
    'ends when %s, and calls onEnd once',
    async (_name, act) => {
      const reader = createReader();
      await Promise.all([reader.read('a'), reader.read('b')]);
      const dependency = reader.depend()!;
      act(reader);
      expect(dependency.isValid).toBe(false);
      expect(reader.countEnded()).toBe(1);
      reader.cache.clear();
      expect(reader.countEnded()).toBe(1);
    },
  );

  test('does not end when a held version is announced again', async () => {
    const { change, read, depend } = createReader();
    await read('a', 2);
    const dependency = depend()!;
    change('a', 2);
    change('a', 1);
    expect(dependency.isValid).toBe(true);
  });

  test('is not valid while the cache is suspended, and ends when it resumes', async () => {
    const { cache, countEnded, read, depend } = createReader();
    await read('a');
    const dependency = depend()!;
    cache.suspend();
    expect([dependency.isValid, countEnded()]).toEqual([false, 0]);
    cache.resume();
    expect([dependency.isValid, countEnded()]).toEqual([false, 1]);
  });

  test('shares its entries with others: a change ends all of them that were not ended before', async () => {
    const { change, countEnded, read, depend } = createReader();
    await read('a');
    const dependencies = [depend()!, depend()!, depend()!];
    dependencies[1]!.end();
    expect(dependencies.map(({ isValid }) => isValid)).toEqual([true, false, true]);
    change('a', 2);
    expect(dependencies.map(({ isValid }) => isValid)).toEqual([false, false, false]);
    expect(countEnded()).toBe(3);
  });

  test('counts an entry once, however often it was read', async () => {
    const { change, countEnded, read, depend } = createReader();
    await read('a');
    await read('b');
    await read('a');
    const dependencies = [depend()!, depend()!];
    expect(dependencies.map(({ keys }) => keys)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    dependencies[0]!.end();
    expect(dependencies.map(({ isValid }) => isValid)).toEqual([false, true]);
    change('a', 2);
    expect([dependencies[1]!.isValid, countEnded()]).toEqual([false, 2]);
  });

  test('is counted with each of its entries until it ends', async () => {
    const { cache, read, depend } = createReader();
    const dependents = () => ['a', 'b'].map((key) => cache.inspection.find(key)?.dependents);
    await read('a');
    await read('b');
    await read('a');
    expect(dependents()).toEqual([0, 0]);
    const first = depend()!;
    expect(dependents()).toEqual([1, 1]);
    const second = depend()!;
    expect(dependents()).toEqual([2, 2]);
    first.end();
    expect(dependents()).toEqual([1, 1]);
    second.end();
    expect(dependents()).toEqual([0, 0]);
    const third = depend()!;
    expect(dependents()).toEqual([1, 1]);
    third.end();
    expect(dependents()).toEqual([0, 0]);
  });

  test('ends with nothing that is read after it was created', async () => {
    const { cache, read, depend } = createReader();
    await read('a');
    const dependency = depend()!;
    await read('b');
    cache.delete('b');
    expect([dependency.isValid, dependency.keys, dependency.size]).toEqual([true, ['a'], 1]);
  });

  test('can be ended by its owner, once', async () => {
    const { cache, countEnded, read, depend } = createReader();
    await read('a');
    const dependency = depend()!;
    dependency.end();
    dependency.end();
    cache.clear();
    expect(countEnded()).toBe(1);
  });
});

describe('No dependency is created on', () => {
  test('what changed after it was read', async () => {
    const { change, read, depend } = createReader();
    await read('a');
    change('a', 2);
    expect(depend()).toBeNull();
  });

  test('what changed while it was loaded, so that it was never held', async () => {
    const { cache, change, trace, depend } = createReader();
    const loading = Promise.withResolvers<{ id: string; version: number }>();
    const reading = cache.read('a', () => loading.promise, { ...RECORDS, trace });
    change('a', 2);
    loading.resolve({ id: 'a', version: 1 });
    await reading;
    expect(depend()).toBeNull();
  });

  test('what changed and was loaded again since, although it is held', async () => {
    const { cache, read, depend } = createReader();
    await read('a', 1);
    cache.delete('a');
    await cache.read('a', async () => ({ id: 'a', version: 2 }), RECORDS);
    expect(depend()).toBeNull();
  });

  test('a stale value that replaced a failed load', async () => {
    const { cache, clock, read, trace, depend } = createReader();
    await read('a');
    clock.advanceSeconds(300);
    await cache.read('a', () => Promise.reject(new Error('down')), { ...RECORDS, trace });
    expect(depend()).toBeNull();
  });

  test('anything while the cache is suspended', async () => {
    const { cache, read, depend } = createReader();
    cache.suspend();
    await read('a');
    expect(depend()).toBeNull();
  });

  test('what was read before the cache was suspended', async () => {
    const { cache, read, depend } = createReader();
    await read('a');
    cache.suspend();
    expect(depend()).toBeNull();
  });

  test('what has expired since it was read', async () => {
    const { clock, read, depend } = createReader();
    await read('a');
    clock.advanceSeconds(300);
    expect(depend()).toBeNull();
  });

  test('what is too large to be held', async () => {
    const cache = new Cache({ maxBytes: 1000 });
    const trace = new ReadTrace();
    await cache.read('a', async () => 'x'.repeat(1000), { layer: 'values', trace });
    expect(cache.dependOn(trace, () => {})).toBeNull();
  });
});
