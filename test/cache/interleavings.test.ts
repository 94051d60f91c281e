import fc from 'fast-check';
import type { CacheOptions } from '../../src/cache/index.ts';
import { createWorld, type Row, type World, type Write } from './world.ts';

// Enough runs to find each planted fault, in seconds.
const NUM_RUNS = 1000;

const KEYS = ['items_a', 'items_b'];

const key = fc.constantFrom(...KEYS);

type ReaderAction = { kind: 'rows'; keys: string[] } | { kind: 'list' };

const readerAction: fc.Arbitrary<ReaderAction> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('rows' as const), keys: fc.array(key, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const) }) },
);

const write = fc.record({
  key,
  row: fc.option(fc.record({ isOnline: fc.boolean() }), { freq: 4 }),
  isKnown: fc.boolean(),
});

type AdminAction =
  | 'clear'
  | 'invalidate all'
  | 'invalidate one'
  | 'delete one'
  | 'lose the connection'
  | 'sweep'
  | 'wait';

const adminAction = fc.constantFrom<AdminAction[]>(
  'clear',
  'invalidate all',
  'invalidate one',
  'delete one',
  'lose the connection',
  'lose the connection',
  'sweep',
);

interface Script {
  readers: ReaderAction[][];
  writers: (Write & { key: string })[][];
  admin: AdminAction[];
}

const script = (adminActions: fc.Arbitrary<AdminAction>): fc.Arbitrary<Script> =>
  fc.record({
    readers: fc.array(fc.array(readerAction, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
    writers: fc.array(fc.array(write, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
    admin: fc.array(adminActions, { maxLength: 3 }),
  });

async function runReader(
  world: World,
  actions: ReaderAction[],
  observe: () => void,
  seen = new Map<string, number>(),
): Promise<void> {
  const readRows = async (keys: string[]) => {
    const minimumVersions = world.minimumVersionsNow();
    const rows = await world.readRows(keys);
    keys.forEach((name, at) => {
      // A reader must not be given anything older than what it has seen before.
      const minimum = Math.max(minimumVersions.get(name)!, seen.get(name) ?? 0);
      seen.set(name, world.findRow(name, rows[at] as Row | null, minimum));
    });
  };
  for (const action of actions) {
    await world.pause('reader');
    observe();
    if (action.kind === 'rows') {
      await readRows(action.keys);
    } else {
      const minimumVersions = world.minimumVersionsNow();
      const members = await world.readOnlineKeys();
      for (const name of KEYS) world.findMembership(name, members.includes(name), minimumVersions.get(name)!);
      if (members.length > 0) await readRows(members);
    }
  }
}

async function runWriter(world: World, writes: Script['writers'][number], observe: () => void): Promise<void> {
  for (const { key: name, ...change } of writes) {
    await world.pause('writer');
    observe();
    await world.write(name, change);
    observe();
  }
}

async function runAdmin(world: World, actions: AdminAction[]): Promise<void> {
  for (const action of actions) {
    await world.pause(action);
    switch (action) {
      case 'clear':
        world.cache.clear();
        break;
      case 'invalidate all':
        world.cache.invalidate('items_*');
        break;
      case 'invalidate one':
        world.cache.invalidate('items_?');
        break;
      case 'delete one':
        world.cache.delete('items_a');
        break;
      case 'sweep':
        world.cache.cleanupExpired();
        break;
      case 'wait':
        world.clock.advanceSeconds(400);
        break;
      case 'lose the connection':
        await world.loseConnection();
    }
  }
}

async function play(
  scheduler: fc.Scheduler,
  { readers, writers, admin }: Script,
  options: CacheOptions,
  observerOf: (world: World) => () => void,
): Promise<void> {
  const world = createWorld(scheduler, KEYS, options);
  const observe = observerOf(world);
  const actors = [
    ...readers.map((actions) => runReader(world, actions, observe)),
    ...writers.map((writes) => runWriter(world, writes, observe)),
    runAdmin(world, admin),
  ];
  await scheduler.waitFor(Promise.all(actors));
  // At the end, the cache and the database agree.
  await scheduler.waitFor(runReader(world, [{ kind: 'rows', keys: KEYS }, { kind: 'list' }], observe));
}

test('a read that begins after an announcement never returns an older state, and no reader goes back in time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), script(adminAction), (scheduler, actions) =>
      play(scheduler, actions, { maxEntries: 100 }, () => () => {}),
    ),
    { numRuns: NUM_RUNS },
  );
});

test('the same holds when values expire and are evicted, and the bound holds', async () => {
  const observerOf = (maxEntries: number) => (world: World) => () => {
    expect(world.cache.getStats().size).toBeLessThanOrEqual(maxEntries);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      script(fc.oneof(adminAction, fc.constant<AdminAction>('wait'))),
      fc.constantFrom(1, 2), // of three entries: two rows and a list
      (scheduler, actions, maxEntries) => play(scheduler, actions, { maxEntries }, observerOf(maxEntries)),
    ),
    { numRuns: NUM_RUNS },
  );
});

test('the entry of a key never goes back to an older state', async () => {
  const observerOf = (world: World) => {
    const seen = new Map<string, number>();
    return () => {
      for (const name of KEYS) {
        const held = world.cache.get(name) as Row | null | undefined;
        if (held !== undefined) seen.set(name, world.findRow(name, held, seen.get(name) ?? 0));
      }
    };
  };
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), script(adminAction), (scheduler, actions) =>
      play(scheduler, actions, { maxEntries: 100 }, observerOf),
    ),
    { numRuns: NUM_RUNS },
  );
});
