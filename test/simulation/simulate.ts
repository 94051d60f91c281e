import { createRandom } from '../coherence/random.ts';
import { startFaults } from './faults.ts';
import { Readers } from './readers.ts';
import type { Sabotage } from './sabotage.ts';
import type { Violation } from './violation.ts';
import { installVirtualTime, VirtualTime } from './virtual-time.ts';
import { World } from './world.ts';
import { Writers } from './writers.ts';

export interface Outcome {
  readonly reads: number;
  readonly writes: number;
  readonly faults: number;
  readonly virtualSeconds: number;
  readonly violation: Violation | null;
  /** Equal for equal runs. */
  readonly digest: string;
}

export interface SimulationOptions {
  readonly seed: number;
  /** The simulation ends after so many reads, or at the first violation. */
  readonly reads: number;
  readonly sabotage?: Sabotage;
}

const WATCH_PERIOD_MS = 500;

/** Simulates one database and its instances. The seed determines everything. */
export async function simulate({ seed, reads, sabotage = {} }: SimulationOptions): Promise<Outcome> {
  const restoreMethods = sabotage.install?.();
  const time = new VirtualTime();
  const random = createRandom(seed);
  const restoreTime = installVirtualTime(time, random.fork('Math.random').next);
  try {
    const world = new World({ time, random, sabotage });
    const writers = new Writers(world);
    writers.start();
    new Readers(world).start();
    startFaults(world, writers);
    world.repeat(WATCH_PERIOD_MS, () => world.findOverdue());
    await time.runUntil(() => world.violation !== null || world.reads >= reads);
    for (const instance of world.instances) instance.kill();
    const { writes, faults, violation, trace } = world;
    return {
      reads: world.reads,
      writes,
      faults,
      virtualSeconds: time.elapsedMs / 1000,
      violation,
      digest: trace.digest,
    };
  } finally {
    restoreTime();
    restoreMethods?.();
  }
}
