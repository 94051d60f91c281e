import type { RedisServer } from '../support/redis.ts';
import type { RunDatabase } from './database.ts';
import type { World } from './fleet.ts';
import type { Instance } from './instances.ts';
import type { Random } from './random.ts';

/** What a nemesis can reach. */
export interface Scene {
  readonly world: World;
  readonly instances: readonly Instance[];
  readonly random: Random;
  readonly database: RunDatabase;
  /** The folder of PostgreSQL's programs; `null` without them. */
  readonly programs: string | null;
  /** The instances' shared second cache tier; `null` without one. */
  readonly redis: RedisServer | null;
  readonly deltaMs: number;
}

/** Injects a fault, waits, and removes it. Resolves once it is removed; the instances may still be recovering. */
export type Nemesis = (scene: Scene, victim: Instance) => Promise<void>;
