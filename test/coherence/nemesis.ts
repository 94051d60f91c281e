import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { RedisServer } from '../support/redis.ts';
import type { World } from './fleet.ts';
import type { Fault } from './history.ts';
import type { Instance } from './instances.ts';
import type { Random } from './random.ts';

interface Scene {
  readonly instances: readonly Instance[];
  readonly random: Random;
  /** The instances' shared database, reached without their proxies. */
  readonly databaseUrl: string;
  /** The instances' shared second cache tier; `null` without one. */
  readonly redis: RedisServer | null;
}

/** Injects a fault, waits, and removes it. Resolves once it is removed; the instances may still be recovering. */
type Nemesis = (scene: Scene, victim: Instance) => Promise<void>;

/** The faults that need Redis. */
const ON_REDIS = {
  /** Redis restarts empty. */
  'kill-redis': async ({ random, redis }) => {
    await redis!.kill();
    await sleep(random.whole(200, 3000));
    await redis!.start();
  },
  /** Redis neither answers nor disconnects, and later executes the commands it has received. */
  'pause-redis': async ({ random, redis }) => {
    redis!.pause();
    await sleep(random.whole(30, 3000));
    redis!.resume();
  },
} as const satisfies Record<string, Nemesis>;

const NEMESES = {
  /** Every instance loses its feed; everything else works. */
  'kill-feed': async ({ databaseUrl }) => terminate(databaseUrl, "application_name = 'stationmaster-feed'"),
  terminate: async ({ databaseUrl }) => terminate(databaseUrl, 'true'),
  stop: async ({ random }, victim) => {
    victim.pause();
    await sleep(random.whole(1000, 4000));
    victim.resume();
  },
  delay: async ({ random, instances }) => {
    const worstMs = random.pick([60, 150, 300]);
    const isFeedSpared = random.chance(0.5);
    for (const { proxy } of instances) proxy.delayResponses(() => random.whole(20, worstMs), isFeedSpared);
    await sleep(random.whole(2000, 5000));
    for (const { proxy } of instances) proxy.restore();
  },
  cut: async ({ random }, victim) => {
    victim.proxy.cut();
    await sleep(random.whole(200, 3000));
    victim.proxy.restore();
  },
  freeze: async ({ random }, victim) => {
    victim.proxy.freeze('all');
    await sleep(random.whole(500, 5000));
    victim.proxy.restore();
  },
  /** The feed is half-open: its connection looks alive but delivers nothing. The pool works. */
  'freeze-feed': async ({ random }, victim) => {
    victim.proxy.freeze('feed');
    await sleep(random.whole(500, 6000));
    victim.proxy.restore();
  },
  /** Restarts one instance after the other. */
  restart: async ({ instances }) => {
    for (const instance of instances) {
      await instance.stop();
      await instance.start();
    }
  },
  ...ON_REDIS,
} as const satisfies Record<string, Nemesis>;

export type NemesisName = keyof typeof NEMESES;

export const NEMESIS_NAMES = Object.keys(NEMESES) as NemesisName[];

export function needsRedis(name: NemesisName): boolean {
  return name in ON_REDIS;
}

/** The faults that affect one instance; the others affect all. */
const ON_ONE: ReadonlySet<NemesisName> = new Set(['stop', 'cut', 'freeze', 'freeze-feed']);

const CALM_MS = { min: 700, max: 2000 };
/** A ready instance may still be catching up for this long. */
const RECOVERY_MS = 500;

/** Injects faults until the run stops. Every chosen nemesis takes its turn before any repeats. */
export async function runNemeses(world: World, scene: Scene, names: readonly NemesisName[]): Promise<void> {
  const { random, instances } = scene;
  let queue: NemesisName[] = [];
  while (!world.isStopping() && names.length > 0) {
    await sleep(random.whole(CALM_MS.min, CALM_MS.max));
    if (world.isStopping()) return;
    if (queue.length === 0) queue = random.shuffle(names);
    const name = queue.shift()!;
    const victim = random.pick(instances);
    const fault: Fault = {
      kind: name,
      instance: ON_ONE.has(name) ? victim.number : null,
      fromMs: world.now(),
      toMs: Number.POSITIVE_INFINITY,
    };
    world.history.faults.push(fault);
    await NEMESES[name](scene, victim);
    await untilReady(instances);
    await sleep(RECOVERY_MS);
    fault.toMs = world.now();
  }
}

const READY_POLL_MS = 50;
const READY_DEADLINE_MS = 30_000;

/** @throws {Error} when an instance does not recover in time */
export async function untilReady(instances: readonly Instance[]): Promise<void> {
  const deadlineMs = performance.now() + READY_DEADLINE_MS;
  for (const instance of instances) {
    while (!(await instance.isReady())) {
      if (performance.now() > deadlineMs) throw new Error(`Instance ${instance.number} did not recover in time.`);
      await sleep(READY_POLL_MS);
    }
  }
}

async function terminate(databaseUrl: string, condition: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'coherence-nemesis' });
  await client.connect();
  try {
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and ${condition}`,
    );
  } finally {
    await client.end();
  }
}
