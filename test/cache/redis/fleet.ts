import type { Scheduler } from 'fast-check';
import { Cache, type TierMessage } from '../../../src/cache/index.ts';
import { GenerationTier } from '../../../src/cache/redis/generation-tier.ts';
import { readRecords } from '../../../src/collections/records.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { createFakeStore, FakeServer } from './fake-store.ts';

/** A row of the model database. Its version rises with every write, and begins anew when it is made again. */
export interface FleetRow {
  readonly id: string;
  readonly version: number;
  /** Of the write, unlike any other: what tells a row from one that was made again. */
  readonly stamp: number;
}

export interface FleetWrite {
  readonly isDeletion: boolean;
  /** Whether the announcement brings the content along. */
  readonly isKnown: boolean;
  /** Not announced at all, as by a session that switched the triggers off. */
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
 * A database, and instances that each keep a cache in front of it, share a second tier and hear of every change in the same
 * order, each in its own time. Everything that takes time in reality waits for the scheduler, which tries all orders.
 *
 * It knows the oldest state of each row that a read on an instance which begins now may see. Less fails the test.
 */
export function createFleet(scheduler: Scheduler, ids: readonly string[], size: number, sabotage?: string) {
  const clock = createTestClock();
  const server = new FakeServer(clock);
  const histories = new Map<string, (FleetRow | null)[]>(ids.map((id) => [id, [{ id, version: 1, stamp: 0 }]]));
  /** The index in its history of the last state of a row that all who listen have heard of, or will. */
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
    // Few entries, because their places are made beforehand, and instances are started by the thousand.
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
      /** The index in its history of the oldest state of a row that may still be read here. */
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

  /** To all instances at once, as a commit; each hears of it in its own time. */
  function publish(message: Message): void {
    if ('states' in message) raise(announced, message.states);
    for (const instance of instances) {
      if (!instance.isListening) {
        // It serves nothing from its cache.
        raise(instance.minimumVersions, announced);
        continue;
      }
      instance.inbox.push(message);
      void pause(`${instance.index}: ${message.kind} arrives`).then(() => hearNext(instance));
    }
  }

  function hearNext(instance: Instance): void {
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

    /** Starts the instance anew, with nothing in its memory. Its end is not told to anybody. */
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
      // Nobody goes back in time who stays with one instance. Only a row that was made again, of which no announcement
      // has come yet, has nothing by which the first tier could tell it from the one that is gone.
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
      // A row that is silently gone and made again has lower versions: without a word that cannot be told apart.
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
      // It is answered once it was heard here, too; an instance that cannot be told drops everything when it hears again.
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
     * Lets time pass. An instance that goes on working has heard by then what was announced, or lost its feed, and has had
     * its answers from the tier, or given it up; the one that stands still has done nothing.
     */
    wait(seconds: number, standsStill: number | null): void {
      const working = instances.filter(({ index, isAlive }) => index !== standsStill && isAlive);
      for (const instance of working) {
        while (instance.inbox.length > 0) hearNext(instance);
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

/** Faults planted into the tier, to see that the test finds them. */
const sabotages: Record<string, (tier: GenerationTier) => object> = {
  'announcements are not written': () => ({ announce() {} }),
  'what was seen is forgotten': () => ({ observeVersion() {} }),
  'neither a gap nor a clear ends the trust': (tier) => ({
    suspend() {},
    renew: () => tier.generation ?? GenerationTier.prototype.renew.call(tier),
  }),
};

export type Fleet = ReturnType<typeof createFleet>;
