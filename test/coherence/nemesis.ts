import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { alterColumn, WITH_PROGRAMS } from './database-nemeses.ts';
import type { Fault } from './history.ts';
import type { Instance } from './instances.ts';
import type { Nemesis, Scene } from './scene.ts';

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
  'kill-feed': async ({ database }) =>
    terminate(database.url, "application_name in ('stationmaster-feed', 'stationmaster-decoding')"),
  terminate: async ({ database }) => terminate(database.url, 'true'),
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
  /**
   * Notifications for the feed are swallowed, and everything else works. Long enough for one of the echoes to be among them:
   * nothing tells of a shorter time.
   */
  deafen: async ({ random }, victim) => {
    victim.proxy.deafen();
    await sleep(random.whole(2500, 6000));
    victim.proxy.restore();
  },
  /** Nobody reads what the instance logs. */
  'stall-log': async ({ random, world }, victim) => {
    victim.stallLog();
    await sleep(random.whole(1500, 4000));
    const isAnswering = await victim.isAnswering();
    victim.readLog();
    if (isAnswering) return;
    const text = `Instance ${victim.number} did not answer while nobody read its log.`;
    world.history.anomalies.push({ atMs: world.now(), text });
  },
  'alter-column': alterColumn,
  /** Restarts one instance after the other. */
  restart: async ({ instances }) => {
    for (const instance of instances) {
      await instance.stop();
      await instance.start();
    }
  },
  ...WITH_PROGRAMS,
  ...ON_REDIS,
} as const satisfies Record<string, Nemesis>;

export type NemesisName = keyof typeof NEMESES;

export const NEMESIS_NAMES = Object.keys(NEMESES) as NemesisName[];

export function needsRedis(name: NemesisName): boolean {
  return name in ON_REDIS;
}

/** Whether the nemesis needs the programs of a PostgreSQL server: some start a server of the run's own. */
export function needsPrograms(name: NemesisName): boolean {
  return name in WITH_PROGRAMS;
}

/** The faults that affect one instance; the others affect all. */
const ON_ONE: ReadonlySet<NemesisName> = new Set([
  'stop',
  'cut',
  'freeze',
  'freeze-feed',
  'deafen',
  'stall-log',
  'lagging-standby',
]);

const CALM_MS = { min: 700, max: 2000 };
/** Now and then it is calm for long enough to judge what must follow a fault within seconds. */
const LONG_CALM_MS = { min: 6000, max: 9000 };
const LONG_CALM_CHANCE = 0.15;
/** A ready instance may still be catching up for this long. */
const RECOVERY_MS = 500;

/** Injects faults until the run stops. Every chosen nemesis takes its turn before any repeats. */
export async function runNemeses(scene: Scene, names: readonly NemesisName[]): Promise<void> {
  const { world, random, instances } = scene;
  let queue: NemesisName[] = [];
  while (!world.isStopping() && names.length > 0) {
    const { min, max } = random.chance(LONG_CALM_CHANCE) ? LONG_CALM_MS : CALM_MS;
    await sleep(random.whole(min, max));
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
