import fc from 'fast-check';
import { createFleet, type Fleet, type FleetWrite } from './fleet.ts';

/** Planted faults are found within some dozens of schedules. SECOND_TIER_RUNS sets a longer search. */
const NUM_RUNS = Number(process.env.SECOND_TIER_RUNS ?? 400);

const IDS = ['a', 'b'];
const INSTANCES = 2;

const id = fc.constantFrom(...IDS);
const instance = fc.nat({ max: INSTANCES - 1 });

type Disturbance =
  | { kind: 'restart' | 'lose the feed' | 'lose the tier' | 'clear'; instance: number }
  | { kind: 'truncate' | 'flush' }
  | { kind: 'wait'; seconds: number; standsStill: number | null };

const disturbance: fc.Arbitrary<Disturbance> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('restart' as const, 'lose the feed' as const, 'lose the tier' as const, 'clear' as const),
    instance,
  }),
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('truncate' as const, 'flush' as const) }) },
  fc.record({
    kind: fc.constant('wait' as const),
    seconds: fc.constantFrom(1, 12, 40, 61, 301),
    standsStill: fc.option(instance),
  }),
);

const write = fc.record({
  id,
  isDeletion: fc.nat({ max: 3 }).map((n) => n === 0),
  isKnown: fc.nat({ max: 3 }).map((n) => n > 0),
  isSilent: fc.nat({ max: 7 }).map((n) => n === 0),
});

const script = fc.record({
  readers: fc.array(
    fc.record({
      instance,
      reads: fc.array(
        fc.array(id, { minLength: 1, maxLength: 2 }).map((ids) => [...new Set(ids)]),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      /** Makes every read go past the first tier. */
      isForgetful: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  writers: fc.array(fc.array(write, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 2 }),
  disturbances: fc.array(disturbance, { maxLength: 4 }),
});

type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never;

async function runReader(fleet: Fleet, { instance, reads, isForgetful }: Script['readers'][number]): Promise<void> {
  let seen = new Map<string, number>();
  let { cache } = fleet.instances[instance]!;
  for (const ids of reads) {
    await fleet.pause('reader');
    // A reader of a restarted instance counts as a new reader.
    if (fleet.instances[instance]!.cache !== cache) seen = new Map();
    cache = fleet.instances[instance]!.cache;
    if (isForgetful) for (const name of ids) cache.delete(`items_${name}`);
    await fleet.read(instance, ids, seen);
  }
}

async function runWriter(fleet: Fleet, writes: (FleetWrite & { id: string })[]): Promise<void> {
  for (const { id: name, ...change } of writes) {
    await fleet.pause('writer');
    fleet.write(name, change);
  }
}

async function runDisturbances(fleet: Fleet, disturbances: Disturbance[]): Promise<void> {
  for (const action of disturbances) {
    await fleet.pause(action.kind);
    switch (action.kind) {
      case 'restart':
        await fleet.restart(action.instance);
        break;
      case 'lose the feed':
        await fleet.loseFeed(action.instance);
        break;
      case 'lose the tier':
        await fleet.loseTier(action.instance);
        break;
      case 'clear':
        await fleet.clear(action.instance);
        break;
      case 'truncate':
        fleet.truncate();
        break;
      case 'flush':
        fleet.server.flush();
        break;
      case 'wait':
        fleet.wait(action.seconds, action.standsStill);
    }
  }
}

async function play(scheduler: fc.Scheduler, { readers, writers, disturbances }: Script, sabotage?: string) {
  const fleet = createFleet(scheduler, IDS, INSTANCES, sabotage);
  try {
    await scheduler.waitFor(fleet.start());
    const actors = [
      ...readers.map((reader) => runReader(fleet, reader)),
      ...writers.map((writes) => runWriter(fleet, writes)),
      runDisturbances(fleet, disturbances),
    ];
    await scheduler.waitFor(Promise.all(actors));
    await scheduler.waitIdle();
    for (const instance of fleet.instances.keys()) {
      await scheduler.waitFor(runReader(fleet, { instance, reads: [IDS, IDS], isForgetful: true }));
    }
  } finally {
    fleet.close();
  }
}

const property = (sabotage?: string) =>
  fc.asyncProperty(fc.scheduler(), script, (scheduler, actions) => play(scheduler, actions, sabotage));

test('whatever happens to instances, feed and tier, no read returns an older state than its instance has received', async () => {
  await fc.assert(property(), { numRuns: NUM_RUNS });
});

test.each([
  'announcements are not written',
  'versions that readers have seen are forgotten',
  'neither a gap nor a clear ends the membership',
])('the test finds the fault when %s', async (sabotage) => {
  const { errorInstance } = await fc.check(property(sabotage), { numRuns: 20_000, endOnFailure: true });
  expect((errorInstance as Error).message).toMatch(/read . as .*, older than state/);
});
