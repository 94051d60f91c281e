import type { Scheduler } from 'fast-check';
import { Cache, type TierMessage } from '../../../src/cache/index.ts';
import { GenerationTier } from '../../../src/cache/redis/generation-tier.ts';
import { readRecords } from '../../../src/collections/reading/records.ts';
import { createTestClock } from '../../../src/testing/test-clock.ts';
import { createFakeStore, FakeServer } from './fake-store.ts';

/** A row of the model database. Its version rises with every write, and starts at 1 when the row is created again. */
export interface FleetRow {
  readonly id: string;
  readonly version: number;
  /** The number of the write. It distinguishes a row from one that was created again. */
  readonly stamp: number;
}

export interface FleetWrite {
  readonly isDeletion: boolean;
  /** Whether the announcement carries the content. */
  readonly isKnown: boolean;
  /** Not announced, as in a session that disabled the triggers. */
  readonly isSilent: boolean;
}

type Message =
  | { readonly kind: 'change'; readonly id: string; readonly index: number; readonly isKnown: boolean }
  | { readonly kind: 'truncation'; readonly states: ReadonlyMap<string, number> }
  | { readonly kind: 'clear'; readonly from: number; readonly states: ReadonlyMap<string, number> }
  | { readonly kind: 'tier'; readonly message: TierMessage };

const TTL_SECONDS = 300;

export const keyOf = (id: string) => `items_${id}`;

/**
 * A model of a database and of instances that each have a cache, share a second tier, and receive all changes in the same
 * order, each at its own pace. Everything that takes time in reality waits for the scheduler, which tries random orders.
 *
 * The model knows the oldest state of each row that a read on an instance may return if it begins now. A read that returns an
 * older state fails the test.
 */
export function createFleet(scheduler: Scheduler, ids: readonly string[], size: number, sabotage?: string) {
  const clock = createTestClock();
  const server = new FakeServer(clock);
  const histories = new Map<string, (FleetRow | null)[]>(ids.map((id) => [id, [{ id, version: 1, stamp: 0 }]]));
  /** The index, in the history of each row, of the last state that was announced. */
  const announced = new Map<string, number>(ids.map((id) => [id, 0]));
  let stamps = 0;

  const history = (id: string) => histories.get(id)!;
  const current = (id: string) => history(id).at(-1)!;
  const raise = (minimumVersions: Map<string, number>, states: ReadonlyMap<string, number>) => {
    for (const [id, index] of states) minimumVersions.set(id, Math.max(index, minimumVersions.get(id)!));
  };
  const latest = () => new Map(ids.map((id) => [id, history(id).length - 1]));
  const pause = (label: string) => scheduler.schedule(Promise.resolve(), label);

  let statements = 0;
  async function query<Result>(label: string, look: () => Result): Promise<Result> {
    statements++;
    await pause(`${label} on its way`);
    const found = look();
    await pause(`${label} answered`);
    return found;
  }

  function createInstance(index: number) {
    let isAlive = true;
    let callsInFlight = 0;
    const fake = createFakeStore({
      server,
      clock,
      pause: async (label) => {
        callsInFlight++;
        await pause(`${index}: ${label}`);
        callsInFlight--;
      },
    });
    const secondTier = new GenerationTier({
      store: fake.store,
      keyPrefix: 'test',
      ttlSeconds: TTL_SECONDS,
      clock,
      send: async (message) => {
        await pause(`${index}: ${message.command} on its way`);
        if (isAlive) publish({ kind: 'tier', message });
      },
    });
    if (sabotage) Object.assign(secondTier, sabotages[sabotage]!(secondTier));
    // A small bound is enough, and thousands of instances are started.
    const cache = new Cache({ clock, ttlSeconds: TTL_SECONDS, maxEntries: 100, secondTier });
    cache.suspend();
    secondTier.start();
    return {
      index,
      cache,
      secondTier,
      fake,
      inbox: [] as Message[],
      isListening: false,
      /** The index, in the history of each row, of the oldest state that may still be read on this instance. */
      minimumVersions: new Map(announced),
      get isAlive() {
        return isAlive;
      },
      get hasCallsInFlight() {
        return callsInFlight > 0;
      },
      listen() {
        this.isListening = true;
        this.minimumVersions = new Map(announced);
        cache.resume();
      },
      loseFeed() {
        this.isListening = false;
        this.inbox = [];
        this.minimumVersions = new Map(announced);
        cache.suspend();
      },
      die() {
        isAlive = false;
        this.isListening = false;
        this.inbox = [];
        fake.down();
        void secondTier.close();
      },
    };
  }

  type Instance = ReturnType<typeof createInstance>;
  const instances: Instance[] = [];

  /** Sends a message to all instances at the same moment, like a commit. Each receives it at its own pace. */
  function publish(message: Message): void {
    if ('states' in message) raise(announced, message.states);
    for (const instance of instances) {
      if (!instance.isListening) {
        // This instance serves nothing from its cache.
        raise(instance.minimumVersions, announced);
        continue;
      }
      instance.inbox.push(message);
      void pause(`${instance.index}: ${message.kind} arrives`).then(() => receiveNext(instance));
    }
  }

  function receiveNext(instance: Instance): void {
    const message = instance.inbox.shift();
    if (!message) return;
    const { cache, secondTier, minimumVersions } = instance;
    switch (message.kind) {
      case 'change': {
        const { id, index, isKnown } = message;
        const [before, after] = [history(id)[index - 1]!, history(id)[index]!];
        const version = (after ?? before)!.version;
        const value = isKnown || after === null ? after : undefined;
        cache.announce({ records: [{ key: keyOf(id), version, value }], tags: [], change: null });
        raise(minimumVersions, new Map([[id, index]]));
        break;
      }
      case 'truncation':
        cache.clear();
        secondTier.rejoin();
        raise(minimumVersions, message.states);
        break;
      case 'clear':
        secondTier.rejoin();
        cache.clear();
        raise(minimumVersions, message.states);
        break;
      case 'tier':
        secondTier.receive(message.message);
    }
  }

  const fleet = {
    clock,
    server,
    instances,
    pause,
    get statements() {
      return statements;
    },

    /** Replaces the instance by a new one with an empty cache. The old one ends without a message. */
    async restart(index: number): Promise<void> {
      instances[index]?.die();
      const instance = createInstance(index);
      instances[index] = instance;
      instance.fake.up();
      await pause(`${index}: starting`);
      if (instance.isAlive) instance.listen();
    },

    async read(index: number, wanted: readonly string[], seen: Map<string, number>): Promise<void> {
      const instance = instances[index]!;
      const { cache } = instance;
      const minimumVersions = new Map(instance.minimumVersions);
      // A reader of one instance must not go back in time. The exception is a row that was created again and not announced
      // yet: nothing distinguishes it from the deleted row.
      for (const id of wanted) {
        const isMadeAgain = history(id).some(
          (row, i) => isBetween(i, minimumVersions, seen, id) && row && !history(id)[i - 1],
        );
        if (!isMadeAgain) minimumVersions.set(id, Math.max(minimumVersions.get(id)!, seen.get(id) ?? 0));
      }
      const rows = await readRecords<FleetRow>(wanted, {
        cache,
        layer: 'items',
        keyOf,
        versionOf: ({ version }) => version,
        find: (asked) =>
          query(`${index}: query of ${asked}`, () => asked.map(current).filter((row): row is FleetRow => row !== null)),
        revalidate: (known) =>
          query(`${index}: check of ${known.map(({ id }) => id)}`, () =>
            known
              .filter(({ id, version, stamp }) => current(id)?.version === version && current(id)?.stamp === stamp)
              .map(({ id }) => id),
          ),
      });
      if (instances[index] !== instance) return;
      wanted.forEach((id, at) => {
        const row = rows[at]!;
        const state = history(id).findIndex((known, i) => i >= minimumVersions.get(id)! && known?.stamp === row?.stamp);
        if (state < 0) {
          throw new Error(
            `${index} read ${id} as ${JSON.stringify(row)}, older than state ${minimumVersions.get(id)}.`,
          );
        }
        seen.set(id, state);
      });
    },

    write(id: string, { isDeletion, isKnown, isSilent }: FleetWrite): void {
      const states = history(id);
      const before = current(id);
      if (isDeletion && before === null) return;
      // A row that is deleted and created again without announcements has lower versions, which cannot be detected.
      if (isSilent && (isDeletion || before === null)) return;
      states.push(isDeletion ? null : { id, version: (before?.version ?? 0) + 1, stamp: ++stamps });
      const index = states.length - 1;
      if (isSilent) return;
      announced.set(id, index);
      publish({ kind: 'change', id, index, isKnown });
    },

    truncate(): void {
      for (const id of ids) if (current(id) !== null) history(id).push(null);
      publish({ kind: 'truncation', states: latest() });
    },

    async clear(index: number): Promise<void> {
      const instance = instances[index]!;
      const states = latest();
      instance.cache.clear();
      await pause(`${index}: clear on its way`);
      // The clear is answered once this instance has received it. An instance in a gap drops everything when it resumes.
      if (instance.isListening) publish({ kind: 'clear', from: index, states });
    },

    async loseFeed(index: number): Promise<void> {
      const instance = instances[index]!;
      if (!instance.isListening) return;
      instance.loseFeed();
      await pause(`${index}: connecting`);
      if (instance.isAlive) instance.listen();
    },

    async loseTier(index: number): Promise<void> {
      const { fake } = instances[index]!;
      fake.down();
      await pause(`${index}: the tier is back`);
      if (instances[index]!.fake === fake) fake.up();
    },

    /**
     * Lets time pass. A working instance has by then received every announcement, and every answer of the tier or a
     * failure. The instance `standsStill` has done nothing.
     */
    wait(seconds: number, standsStill: number | null): void {
      const working = instances.filter(({ index, isAlive }) => index !== standsStill && isAlive);
      for (const instance of working) {
        while (instance.inbox.length > 0) receiveNext(instance);
        if (instance.hasCallsInFlight) {
          instance.fake.down();
          void pause(`${instance.index}: the tier is back`).then(() => instance.isAlive && instance.fake.up());
        }
      }
      for (let second = 0; second < seconds; second++) {
        clock.advanceSeconds(1);
        for (const { secondTier } of working) secondTier.heartbeat();
      }
    },

    close(): void {
      for (const instance of instances) instance.die();
    },
  };

  return { ...fleet, start: () => Promise.all(Array.from({ length: size }, (_, index) => fleet.restart(index))) };
}

function isBetween(index: number, after: Map<string, number>, upTo: Map<string, number>, id: string): boolean {
  return index > after.get(id)! && index <= (upTo.get(id) ?? 0);
}

/** Faults planted into the tier, to prove that the test finds them. */
const sabotages: Record<string, (tier: GenerationTier) => object> = {
  'announcements are not written': () => ({ announce() {} }),
  'versions that readers have seen are forgotten': () => ({ observeVersion() {} }),
  'neither a gap nor a clear ends the membership': (tier) => ({
    suspend() {},
    renew: () => tier.generation ?? GenerationTier.prototype.renew.call(tier),
  }),
};

export type Fleet = ReturnType<typeof createFleet>;
