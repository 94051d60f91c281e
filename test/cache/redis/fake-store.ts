import type { Clock } from '../../../src/cache/index.ts';
import {
  parseTierEntry,
  TIER_GUARD_MS,
  type TierStore,
  type TierStoreHandlers,
  type TierWrite,
} from '../../../src/cache/redis/tier-store.ts';

/** A store in memory that several tiers can share, as instances share a Redis server. */
export class FakeServer {
  readonly #clock: Clock;
  readonly #held = new Map<string, { text: string; expiresAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get keys(): string[] {
    return [...this.#held.keys()].filter((key) => this.get(key) !== null);
  }

  /** Removes everything, as a restart without persistence does. */
  flush(): void {
    this.#held.clear();
  }

  get(key: string): string | null {
    const held = this.#held.get(key);
    return held && held.expiresAtMs > this.#clock.now() ? held.text : null;
  }

  put(key: string, text: string): void {
    this.#held.set(key, { text, expiresAtMs: Number.POSITIVE_INFINITY });
  }

  timeToLiveMs(key: string): number {
    return this.#held.get(key)!.expiresAtMs - this.#clock.now();
  }

  write({ key, entry, notAfterMs }: TierWrite): 'written' | 'kept' | 'late' {
    const nowMs = this.#clock.now();
    if (nowMs > notAfterMs) return 'late';
    const held = parseTierEntry(this.get(key));
    const isNewer =
      !held ||
      entry.v > held.v ||
      (entry.v === held.v && (entry.r === null || (entry.r !== undefined && held.r !== null)));
    if (isNewer) {
      const expiresAtMs = Math.max(entry.u, nowMs + TIER_GUARD_MS);
      this.#held.set(key, { text: JSON.stringify(entry), expiresAtMs });
      return 'written';
    }
    const kept = this.#held.get(key)!;
    const guardedUntilMs = nowMs + TIER_GUARD_MS;
    if (kept.expiresAtMs < guardedUntilMs || kept.expiresAtMs === Number.POSITIVE_INFINITY) {
      kept.expiresAtMs = guardedUntilMs;
    }
    return 'kept';
  }
}

export interface FakeStoreOptions {
  readonly server: FakeServer;
  readonly clock: Clock;
  /** Awaited before and after the work of each call. Default: nothing. */
  readonly pause?: ((label: string) => Promise<void>) | undefined;
}

/** Creates a connection to a fake server. It fails when the test calls `down`. */
export function createFakeStore({ server, clock, pause = async () => {} }: FakeStoreOptions) {
  let handlers: TierStoreHandlers;
  let isUp = false;
  let connections = 0;
  const restarts: unknown[] = [];

  const down = (reason: unknown = new Error('The tier is lost.')) => {
    if (!isUp) return;
    isUp = false;
    handlers.onDown(reason);
  };

  async function call<Result>(label: string, work: () => Result): Promise<Result> {
    if (!isUp) throw new Error('The tier is away.');
    const connection = connections;
    await pause(`${label} on its way`);
    // A sent command takes effect, whether or not its caller still waits.
    const result = work();
    await pause(`${label} answered`);
    if (!isUp || connection !== connections) throw new Error('The tier was lost.');
    return result;
  }

  const store: TierStore = {
    start: (given) => {
      handlers = given;
    },
    restart: (reason) => {
      restarts.push(reason);
      down(reason);
    },
    nowMs: () => clock.now(),
    read: (keys) => call(`read of ${keys.length}`, () => keys.map((key) => server.get(key))),
    write: (writes) => call(`write of ${writes.length}`, () => writes.map((write) => server.write(write))),
    close: async () => {
      isUp = false;
    },
  };
  return {
    store,
    restarts,
    up() {
      if (isUp) return;
      isUp = true;
      connections++;
      handlers.onUp();
    },
    down,
  };
}

export type FakeStore = ReturnType<typeof createFakeStore>;
