import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { beginEra, bookmark } from './eras.ts';
import type { World } from './fleet.ts';
import type { Nemesis, Scene } from './scene.ts';

const run = promisify(execFile);

/** The faults that need PostgreSQL's programs. */
export const WITH_PROGRAMS = {
  /** The instance reaches a standby that is behind, and then the primary again. */
  'lagging-standby': async ({ random, database }, { proxy }) => {
    proxy.route(database.standbyPort!, true);
    await sleep(random.whole(1000, 6000));
    // Without cutting, whatever is connected to the standby stays there.
    proxy.route(database.port, random.chance(0.3));
  },
  /** The primary stops, and all move to the standby that was promoted. */
  failover: async ({ instances, database }) => {
    await database.failOver(() => {
      for (const { proxy } of instances) proxy.route(database.port, true);
    });
  },
  restore,
} as const satisfies Record<string, Nemesis>;

/** Changes of the table under which its values stay the same, and the changes that take them back. */
const ALTERATIONS = [
  ['alter cpu_usage type numeric(7, 4)', 'alter cpu_usage type double precision'],
  ['alter operating_system type varchar(10000)', 'alter operating_system type text'],
  ['add rack int not null default 7', 'drop rack'],
] as const;

export const alterColumn: Nemesis = async ({ random, database }) => {
  const [there, back] = random.pick(ALTERATIONS);
  await alter(database.url, there);
  await sleep(random.whole(300, 2500));
  await alter(database.url, back);
};

const ALTER_ATTEMPTS = 20;

/** Repeated, because the statement can be the victim of a deadlock. */
async function alter(url: string, change: string): Promise<void> {
  await withRetries(ALTER_ATTEMPTS, async () => {
    const client = new Client({ connectionString: url, application_name: 'coherence-nemesis' });
    await client.connect();
    try {
      await client.query(`set lock_timeout = 3000; alter table workstation ${change}`);
    } finally {
      await client.end();
    }
  });
}

/** Takes a dump, lets writers go on, and restores the dump while the instances run. */
async function restore({ world, random, database, programs, deltaMs }: Scene): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-dump-'));
  const dump = join(folder, 'dump');
  try {
    if (!(await settleWrites(world))) return;
    const mark = bookmark(world);
    await run(join(programs!, 'pg_dump'), ['-Fc', '-f', dump, database.url]);
    world.turnstile.open();
    await sleep(random.whole(500, 3000));
    if (!(await settleWrites(world))) return;
    const restoredFromMs = world.now();
    const options = random.chance(0.5) ? ['--single-transaction'] : [];
    // Instances that decode the log make the publication anew meanwhile.
    const restoring = ['--clean', '--if-exists', '--no-publications', ...options, '-d', database.url, dump];
    await withRetries(RESTORE_ATTEMPTS, () => run(join(programs!, 'pg_restore'), restoring));
    beginEra(world, mark, restoredFromMs, world.now() + deltaMs);
  } finally {
    world.turnstile.open();
    await rm(folder, { recursive: true, force: true });
  }
}

const RESTORE_ATTEMPTS = 5;
const SETTLE_DEADLINE_MS = 15_000;
const SETTLE_POLL_MS = 50;

/** Keeps all writes back. Returns whether the outcome of those before is known, except of creations that may still come. */
async function settleWrites({ turnstile, uncertain, doomed, now }: World): Promise<boolean> {
  await turnstile.close();
  const deadlineMs = now() + SETTLE_DEADLINE_MS;
  const isSettled = () =>
    uncertain.length === 0 && [...doomed.keys()].every(({ writes }) => writes[0]!.outcome === 'unknown');
  while (!isSettled() && now() < deadlineMs) await sleep(SETTLE_POLL_MS);
  return isSettled();
}

async function withRetries(attempts: number, attempt: () => Promise<unknown>): Promise<void> {
  for (let left = attempts - 1; ; left--) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(100);
    }
  }
}
