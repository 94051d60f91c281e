import { MAX_REPLAYED } from '../../src/cache/in-flight-loads.ts';
import { Cache, ReadTrace } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';
import { createPendingLoads } from './pending-loads.ts';

const FAULT = new Error('a fault of the evolution');

/** A value that is the list of the changes it shows. */
const EVOLVING = {
  layer: 'histories',
  tagsOf: () => ['items', 'things'],
  isAffectedBy: (change: unknown) => change === 'too much',
  requestOf: (key: string) => `the request of ${key}`,
  evolution: {
    next(change: unknown, shown: unknown[]) {
      if (change === 'a fault') throw FAULT;
      if (change === 'unclear') return undefined;
      return change === 'nothing' ? shown : [...shown, change];
    },
    isOlder: (loaded: unknown[], held: unknown[]) => loaded.length < held.length,
    bytesBeside: (shown: unknown[]) => 1000 * shown.length,
  },
};

function createEvolving() {
  const errors: unknown[] = [];
  const clock = createTestClock();
  const cache = new Cache({ clock, ttlSeconds: 10, onError: (error) => errors.push(error) });
  const loads = createPendingLoads();
  const read = (options: { reload?: boolean; trace?: ReadTrace } = {}) =>
    cache.readMany<unknown[]>(['history'], loads.loadMissing, { ...EVOLVING, ...options });
  const announce = (change: unknown, ...tags: string[]) =>
    cache.announce({ records: [], tags: tags.length > 0 ? tags : ['items'], change });
  /** Reads a value that shows these changes. */
  const hold = async (...shown: unknown[]) => {
    const reading = read();
    (await loads.next()).answer([shown]);
    await reading;
  };
  const readHeld = () => cache.findHeld('history', { layer: 'histories' });
  return { cache, clock, errors, loads, read, readHeld, announce, hold };
}

describe('a value that evolves', () => {
  test('is brought up to date with every change that is announced', async () => {
    const { readHeld, announce, hold } = createEvolving();
    await hold('loaded');
    announce('first');
    announce('second');
    expect(readHeld()).toEqual(['loaded', 'first', 'second']);
  });

  test('takes the place of its former state, from which everything derived ends', async () => {
    const { cache, announce, hold, read } = createEvolving();
    await hold('first', 'second');
    const { size, bytes } = cache.getStats();
    cache.clear();
    await hold('first');
    const trace = new ReadTrace();
    await read({ trace });
    const causes: unknown[] = [];
    cache.dependOn(trace, (cause) => causes.push(cause));
    announce('second');
    expect(cache.getStats()).toMatchObject({ size, bytes });
    expect(causes).toEqual(['replaced']);
    cache.clear();
    expect(cache.getStats()).toMatchObject({ size: 0, bytes: 0 });
  });

  test('counts with what is kept beside it', async () => {
    const { cache, announce, hold } = createEvolving();
    await hold('loaded');
    const { bytes } = cache.getStats();
    announce('first');
    expect(cache.getStats().bytes - bytes).toBeGreaterThanOrEqual(1000);
  });

  test('can still be loaded again by its request', async () => {
    const { cache, announce, hold, read } = createEvolving();
    await hold('loaded');
    announce('first');
    const trace = new ReadTrace();
    await read({ trace });
    expect(trace.entries[0]?.request).toBe('the request of history');
    expect(cache.inspection.find('history')).toMatchObject({ layer: 'histories', value: ['loaded', 'first'] });
  });

  test('stays the entry that it was if a change leaves it as it is', async () => {
    const { cache, announce, hold, read } = createEvolving();
    await hold('loaded');
    const trace = new ReadTrace();
    await read({ trace });
    const dependency = cache.dependOn(trace, () => {});
    announce('nothing');
    expect(dependency?.isValid).toBe(true);
  });

  test('is told once of a change that is announced under several of its tags', async () => {
    const { announce, hold, readHeld } = createEvolving();
    await hold('loaded');
    announce('first', 'items', 'things');
    expect(readHeld()).toEqual(['loaded', 'first']);
  });

  test('leaves with a change that affects it', async () => {
    const { announce, hold, readHeld } = createEvolving();
    await hold('loaded');
    announce('too much');
    expect(readHeld()).toBeUndefined();
  });

  test('leaves with a change after which it cannot be told', async () => {
    const { announce, errors, hold, readHeld } = createEvolving();
    await hold('loaded');
    announce('unclear');
    expect(readHeld()).toBeUndefined();
    expect(errors).toEqual([]);
  });

  test('leaves, and the error is counted, if its evolution fails', async () => {
    const { announce, cache, errors, hold, readHeld } = createEvolving();
    await hold('loaded');
    announce('a fault');
    expect(readHeld()).toBeUndefined();
    expect([errors, cache.getStats().errors]).toEqual([[FAULT], 1]);
  });

  test('expires when it would have without the change', async () => {
    const { announce, clock, hold, readHeld } = createEvolving();
    await hold('loaded');
    clock.advanceSeconds(4);
    announce('first');
    clock.advanceSeconds(5.999);
    expect(readHeld()).toEqual(['loaded', 'first']);
    clock.advanceSeconds(0.001);
    expect(readHeld()).toBeUndefined();
  });

  test.each<[string, (evolving: ReturnType<typeof createEvolving>) => void]>([
    ['after its expiry', ({ clock }) => clock.advanceSeconds(10)],
    ['while the cache is suspended', ({ cache }) => cache.suspend()],
  ])('leaves with a change %s', async (_when, prepare) => {
    const evolving = createEvolving();
    await evolving.hold('loaded');
    prepare(evolving);
    evolving.announce('first');
    expect(evolving.cache.getStats().size).toBe(0);
    expect(evolving.cache.inspection.lastRemovalOf('history')).toMatchObject({ cause: 'invalidated' });
  });

  test('stays when a load returns an older state, which its reader does not get', async () => {
    const { hold, loads, read, readHeld } = createEvolving();
    await hold('loaded', 'first');
    const again = read({ reload: true });
    (await loads.next()).answer([['loaded']]);
    expect(await again).toEqual([['loaded', 'first']]);
    expect(readHeld()).toEqual(['loaded', 'first']);
  });

  test('is replaced when a load returns a state that is not older', async () => {
    const { hold, loads, read, readHeld } = createEvolving();
    await hold('loaded');
    const again = read({ reload: true });
    (await loads.next()).answer([['loaded', 'unheard of']]);
    await again;
    expect(readHeld()).toEqual(['loaded', 'unheard of']);
  });

  test('is brought up to date with what was announced while it was being loaded, and is stored', async () => {
    const { cache, loads, read, announce } = createEvolving();
    const reading = read();
    const load = await loads.next();
    for (const change of ['first', 'second', 'third']) announce(change, 'items', 'things');
    load.answer([['loaded']]);
    expect(await reading).toEqual([['loaded', 'first', 'second', 'third']]);
    expect(cache.get('history')).toEqual(['loaded', 'first', 'second', 'third']);
  });

  test('is given as far as it can be told, and not stored, if it cannot be told what a change makes of it', async () => {
    const { loads, read, readHeld, announce } = createEvolving();
    const reading = read();
    const load = await loads.next();
    announce('first');
    announce('unclear');
    announce('third');
    load.answer([['loaded']]);
    expect(await reading).toEqual([['loaded', 'first']]);
    expect(readHeld()).toBeUndefined();
  });

  test('is not stored, and no later reader shares its load, after more changes than a load remembers', async () => {
    const { loads, read, readHeld, announce } = createEvolving();
    const reading = read();
    const load = await loads.next();
    for (let change = 1; change <= MAX_REPLAYED; change++) announce(change);
    void read();
    expect(loads.count).toBe(1);
    announce('one more');
    void read();
    const later = await loads.next();
    load.answer([[]]);
    await reading;
    expect(readHeld()).toBeUndefined();
    later.answer([['later']]);
  });

  test('is given as it was loaded, without later changes, if earlier ones may have been missed meanwhile', async () => {
    const { cache, loads, read, announce } = createEvolving();
    const before = read();
    const early = await loads.next();
    announce('first');
    cache.suspend();
    const during = read();
    const late = await loads.next();
    cache.resume();
    announce('third');
    early.answer([['loaded']]);
    late.answer([['loaded', 'first', 'second']]);
    expect(await before).toEqual([['loaded', 'first']]);
    expect(await during).toEqual([['loaded', 'first', 'second']]);
    expect(cache.get('history')).toBeUndefined();
  });
});
