import { FAULTS, type FaultName } from './climate.ts';
import type { Instance } from './instance.ts';
import type { World } from './world.ts';
import type { Writers } from './writers.ts';

const PATTERNS = ['desks_list_*', 'desks_*', 'studios_?*', '*'];

/** Disturbs a world in the ways and as often as its climate says. */
export function startFaults(world: World, writers: Writers): void {
  const { random, time, climate } = world;
  for (const name of FAULTS) {
    const periodMs = climate.faultPeriodsMs[name];
    if (periodMs === undefined) continue;
    world.repeat(periodMs, () => {
      const instance = random.pick(world.instances);
      if (instance.owner.pausedUntilMs > time.now()) return;
      world.faults++;
      world.trace.add(instance, name);
      time.owner = instance.owner;
      ACTIONS[name](world, instance, writers);
    });
  }
}

const ACTIONS: Readonly<Record<FaultName, (world: World, instance: Instance, writers: Writers) => void>> = {
  cut: ({ random }, { source }) => source.cut(random.chance(0.5) ? 0 : random.whole(1, 3000)),
  deafen: (_world, { source }) => source.deafen(),
  hold: ({ random }, { source }) => source.hold(random.whole(1, 2400)),
  pause: ({ random, time }, { owner }) => {
    owner.pausedUntilMs = time.now() + random.pick([20, 500, 3000, 8000]);
  },
  restart: (world, { index }) => world.restart(index),
  'lose-tier': ({ random }, instance) => instance.loseTier(random.whole(1, 1000)),
  'flush-tier': ({ random, instances, tierServer }) => {
    for (const instance of instances) instance.loseTier(random.whole(1, 1000));
    tierServer.flush();
  },
  'database-down': ({ random, reachability, time, instances }) => {
    reachability.downUntilMs = time.now() + random.pick([50, 1000, 9000]);
    for (const { source } of instances) source.cut(0);
  },
  'database-frozen': ({ random, reachability, time }) => {
    reachability.frozenUntilMs = time.now() + random.pick([50, 500, 1500]);
  },
  clear: (_world, { cache, feed, index }) => {
    cache.clear();
    feed.send({ command: 'clearCache', from: String(index) }).catch(() => {});
  },
  invalidate: ({ random }, { cache, feed, index }) => {
    const pattern = random.pick(PATTERNS);
    cache.invalidate(pattern);
    feed.send({ command: 'invalidateCache', pattern, from: String(index) }).catch(() => {});
  },
  truncate: (_world, _instance, writers) => writers.truncate(),
};
