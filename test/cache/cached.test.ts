import fc from 'fast-check';
import { Cache, Cached, ReadTrace, stableJson } from '../../src/cache/index.ts';
import { createTestClock } from '../../src/testing/test-clock.ts';

class FilterInput {
  status?: string;
  first?: number;
}

class Money {
  constructor(readonly cents: number) {}
  add(other: Money) {
    return new Money(this.cents + other.cents);
  }
}

class Price extends Money {}

class Fleet {
  readonly cache: Cache;
  readonly calls: unknown[][] = [];

  constructor(cache: Cache) {
    this.cache = cache;
  }

  @Cached({ keyPrefix: 'fleet_size' })
  async size(): Promise<number> {
    return this.calls.push([]);
  }

  @Cached({ keyPrefix: 'fleet_find', ttlSeconds: 10, tags: ['workstations'] })
  async find(...args: unknown[]): Promise<number> {
    return this.calls.push(args);
  }

  @Cached({ keyPrefix: 'fleet_broken' })
  async broken(): Promise<unknown> {
    return new Date(0);
  }
}

function createFleet() {
  const clock = createTestClock();
  const cache = new Cache({ clock });
  return { clock, cache, fleet: new Fleet(cache) };
}

test('a method without arguments is cached under its prefix', async () => {
  const { cache, fleet } = createFleet();
  expect([await fleet.size(), await fleet.size()]).toEqual([1, 1]);
  expect(cache.get('fleet_size')).toBe(1);
});

test('a method runs as a method, with its arguments', async () => {
  const { fleet } = createFleet();
  await fleet.find('a', { first: 1 });
  expect(fleet.calls).toEqual([['a', { first: 1 }]]);
});

test('the key distinguishes arguments, but not the order of their fields', async () => {
  const { cache, fleet } = createFleet();
  await fleet.find({ first: 1, status: 'ONLINE' });
  await fleet.find({ status: 'ONLINE', first: 1, after: undefined });
  await fleet.find({ status: 'ONLINE', first: 2 });
  expect(fleet.calls).toHaveLength(2);
  expect(cache.get('fleet_find_{"first":1,"status":"ONLINE"}')).toBe(1);
});

test('input classes count by their content', async () => {
  const { fleet } = createFleet();
  await fleet.find(Object.assign(new FilterInput(), { status: 'ONLINE' }));
  await fleet.find({ status: 'ONLINE' });
  // As GraphQL creates them.
  await fleet.find(Object.assign(Object.create(null), { status: 'ONLINE' }));
  expect(fleet.calls).toHaveLength(1);
});

test('two objects with the same cache share their results', async () => {
  const { cache, fleet } = createFleet();
  const other = new Fleet(cache);
  expect([await fleet.find('a'), await other.find('a')]).toEqual([1, 1]);
  expect(other.calls).toEqual([]);
});

test('a result is served until its TTL is over', async () => {
  const { clock, fleet } = createFleet();
  await fleet.find('a');
  clock.advanceSeconds(9);
  expect(await fleet.find('a')).toBe(1);
  clock.advanceSeconds(1);
  expect(await fleet.find('a')).toBe(2);
});

test('a change announced under one of its tags drops a result; other results stay', async () => {
  const { cache, fleet } = createFleet();
  await fleet.find('a');
  await fleet.size();
  cache.announce({ records: [], tags: ['workstations'], change: {} });
  expect(await fleet.find('a')).toBe(3);
  expect(await fleet.size()).toBe(2);
});

test('a derived cache counts as a layer of its own, and its hits count in the total', async () => {
  const { cache, fleet } = createFleet();
  await fleet.find('a');
  const counters = cache.addDerivedLayer('answers');
  counters.hits = 3;
  counters.misses = 1;
  counters.size = 1;
  const { hits, misses, size, layers } = cache.getStats();
  expect({ hits, misses, size }).toEqual({ hits: 3, misses: 1, size: 1 });
  expect(layers[1]).toEqual({ name: 'answers', hits: 3, misses: 1, size: 1, evictions: 0, hitRatePercent: 75 });
});

test('a trace among the arguments is not part of the key, and the read is added to it', async () => {
  const { fleet } = createFleet();
  const traces = [new ReadTrace(), new ReadTrace()] as const;
  expect([await fleet.find('a', traces[0]), await fleet.find(traces[1], 'a'), await fleet.find('a')]).toEqual([
    1, 1, 1,
  ]);
  expect(traces.map((trace) => [trace.toJSON(), trace.keys])).toEqual([
    [{ hits: 0, misses: 1, stale: 0 }, ['fleet_find_"a"']],
    [{ hits: 1, misses: 0, stale: 0 }, ['fleet_find_"a"']],
  ]);
});

test('omitted arguments differ from given ones', async () => {
  const { fleet } = createFleet();
  expect([await fleet.find(undefined, 'a'), await fleet.find('a', undefined), await fleet.find('a')]).toEqual([
    1, 2, 3,
  ]);
});

test('results are counted under the prefix', async () => {
  const { cache, fleet } = createFleet();
  await fleet.find('a');
  await fleet.find('a');
  expect(cache.getStats().layers).toEqual([
    { name: 'fleet_find', hits: 1, misses: 1, size: 1, evictions: 0, hitRatePercent: 50 },
  ]);
});

test.each([
  ['a date', new Date(0)],
  ['a map', new Map()],
  ['a function', () => 1],
  ['a bigint', 1n],
  ['a symbol', Symbol('a')],
  ['not a number', Number.NaN],
  ['an object with methods', new Money(1)],
  ['an object that inherits methods', new Price(1)],
  ['an object with methods deep inside', { price: [new Money(1)] }],
  ['undefined in an array', [undefined]],
])('refuses %s as an argument, without calling the method', async (_what, argument) => {
  const { fleet } = createFleet();
  const refused = fleet.find(argument);
  await expect(refused).rejects.toThrow(TypeError);
  await expect(refused).rejects.toThrow('cache key');
  expect(fleet.calls).toEqual([]);
});

test('refuses a result that is not JSON-safe', async () => {
  const { fleet } = createFleet();
  await expect(fleet.broken()).rejects.toThrow(TypeError);
});

test('stable JSON equals JSON, but for the order of the fields', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(stableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      expect(stableJson(reversed(value))).toBe(stableJson(value));
    }),
  );
});

/** The same value with the fields of every object in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, part]) => [name, reversed(part)]),
  );
}
