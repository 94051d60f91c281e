import { Cache, ReadTrace } from '../../src/cache/index.ts';
import { createTestClock } from '../support/test-clock.ts';

const RECORDS = { layer: 'records', versionOf: ({ version }: { version: number }) => version };

function createReader() {
  const clock = createTestClock();
  const cache = new Cache({ clock, ttlSeconds: 300, isOutage: () => true });
  const trace = new ReadTrace();
  const read = (key: string, version = 1) => cache.read(key, async () => ({ id: key, version }), { ...RECORDS, trace });
  const change = (key: string, version: number) =>
    cache.announce({ records: [{ key, version, value: { id: key, version } }], tags: [], change: null });
  let voided = 0;
  const vouch = () => cache.dependOn(trace, () => voided++);
  return { cache, clock, trace, read, change, vouch, countVoided: () => voided };
}

describe('A dependency', () => {
  test('is valid as long as all that was read is held', async () => {
    const { clock, read, vouch } = createReader();
    await Promise.all([read('a'), read('b')]);
    const dependency = vouch()!;
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
    ['a part is invalidated', ({ cache }) => cache.invalidate('b*')],
    ['a value is set anew', ({ cache }) => cache.set('b', { id: 'b', version: 1 })],
  ] as [string, (reader: ReturnType<typeof createReader>) => unknown][])(
    'is void once %s, and says so once',
    async (_name, act) => {
      const reader = createReader();
      await Promise.all([reader.read('a'), reader.read('b')]);
      const dependency = reader.vouch()!;
      act(reader);
      expect(dependency.isValid).toBe(false);
      expect(reader.countVoided()).toBe(1);
      reader.cache.clear();
      expect(reader.countVoided()).toBe(1);
    },
  );

  test('outlives the echo of a version that is held already', async () => {
    const { change, read, vouch } = createReader();
    await read('a', 2);
    const dependency = vouch()!;
    change('a', 2);
    change('a', 1);
    expect(dependency.isValid).toBe(true);
  });

  test('is not valid while the cache is distrusted, and void once it is trusted again', async () => {
    const { cache, countVoided, read, vouch } = createReader();
    await read('a');
    const dependency = vouch()!;
    cache.suspend();
    expect([dependency.isValid, countVoided()]).toEqual([false, 0]);
    cache.resume();
    expect([dependency.isValid, countVoided()]).toEqual([false, 1]);
  });

  test('does not have what it vouches for to itself: all are void once it changes, but for those let go of', async () => {
    const { change, countVoided, read, vouch } = createReader();
    await read('a');
    const dependencies = [vouch()!, vouch()!, vouch()!];
    dependencies[1]!.end();
    expect(dependencies.map(({ isValid }) => isValid)).toEqual([true, false, true]);
    change('a', 2);
    expect(dependencies.map(({ isValid }) => isValid)).toEqual([false, false, false]);
    expect(countVoided()).toBe(3);
  });

  test('is one, with each part once, however often a part was read', async () => {
    const { change, countVoided, read, vouch } = createReader();
    await read('a');
    await read('b');
    await read('a');
    const dependencies = [vouch()!, vouch()!];
    expect(dependencies.map(({ keys }) => keys)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    dependencies[0]!.end();
    expect(dependencies.map(({ isValid }) => isValid)).toEqual([false, true]);
    change('a', 2);
    expect([dependencies[1]!.isValid, countVoided()]).toEqual([false, 2]);
  });

  test('can be let go of, which counts once', async () => {
    const { cache, countVoided, read, vouch } = createReader();
    await read('a');
    const dependency = vouch()!;
    dependency.end();
    dependency.end();
    cache.clear();
    expect(countVoided()).toBe(1);
  });
});

describe('Nobody vouches for', () => {
  test('what changed after it was read', async () => {
    const { change, read, vouch } = createReader();
    await read('a');
    change('a', 2);
    expect(vouch()).toBeNull();
  });

  test('what changed while it was loaded, so that it was never held', async () => {
    const { cache, change, trace, vouch } = createReader();
    const loading = Promise.withResolvers<{ id: string; version: number }>();
    const reading = cache.read('a', () => loading.promise, { ...RECORDS, trace });
    change('a', 2);
    loading.resolve({ id: 'a', version: 1 });
    await reading;
    expect(vouch()).toBeNull();
  });

  test('what changed and was loaded again since, although it is held', async () => {
    const { cache, read, vouch } = createReader();
    await read('a', 1);
    cache.delete('a');
    await cache.read('a', async () => ({ id: 'a', version: 2 }), RECORDS);
    expect(vouch()).toBeNull();
  });

  test('what stood in for something that could not be loaded', async () => {
    const { cache, clock, read, trace, vouch } = createReader();
    await read('a');
    clock.advanceSeconds(300);
    await cache.read('a', () => Promise.reject(new Error('down')), { ...RECORDS, trace });
    expect(vouch()).toBeNull();
  });

  test('anything while the cache is distrusted', async () => {
    const { cache, read, vouch } = createReader();
    cache.suspend();
    await read('a');
    expect(vouch()).toBeNull();
  });

  test('what was read before the cache was distrusted', async () => {
    const { cache, read, vouch } = createReader();
    await read('a');
    cache.suspend();
    expect(vouch()).toBeNull();
  });

  test('what has expired since it was read', async () => {
    const { clock, read, vouch } = createReader();
    await read('a');
    clock.advanceSeconds(300);
    expect(vouch()).toBeNull();
  });

  test('what is too large to be held', async () => {
    const cache = new Cache({ maxBytes: 1000 });
    const trace = new ReadTrace();
    await cache.read('a', async () => 'x'.repeat(1000), { layer: 'values', trace });
    expect(cache.dependOn(trace, () => {})).toBeNull();
  });
});
