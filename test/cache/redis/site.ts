import { Cache, type TierMessage } from '../../../src/cache/index.ts';
import { GenerationTier } from '../../../src/cache/redis/generation-tier.ts';
import type { TierEntry } from '../../../src/cache/redis/tier-store.ts';
import { readRecords } from '../../../src/collections/records.ts';
import { createTestClock } from '../../support/test-clock.ts';
import { createFakeStore, FakeServer, type FakeStoreOptions } from './fake-store.ts';

export interface Item {
  readonly id: string;
  readonly version: number;
  readonly name: string;
}

export const item = (id: string, version = 1): Item => ({ id, version, name: `${id}, version ${version}` });
export const keyOf = (id: string) => `items_${id}`;
export const fullKeyOf = (id: string) => `test:items_${id}`;

/** Everything that is on its way here arrives within one turn of the event loop. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Instances on one database, one server and one feed that delivers at once. */
export function createSite() {
  const clock = createTestClock();
  const server = new FakeServer(clock);
  const rows = new Map<string, Item>();
  const statements: string[] = [];
  let answered: Promise<unknown> | undefined;
  let fault: Error | undefined;
  const messages: TierMessage[] = [];
  const instances: { readonly cache: Cache; readonly secondTier: GenerationTier }[] = [];

  function createInstance(keyPrefix: string | (() => string), pause?: FakeStoreOptions['pause']) {
    const errors: unknown[] = [];
    const fake = createFakeStore({ server, clock, pause });
    const secondTier = new GenerationTier({
      store: fake.store,
      keyPrefix,
      clock,
      onError: (error) => errors.push(error),
      send: async (message) => {
        if (fault) throw fault;
        messages.push(message);
        for (const instance of instances) instance.secondTier.receive(message);
      },
    });
    const cache = new Cache({ clock, secondTier });
    cache.suspend();
    secondTier.start();
    const instance = {
      cache,
      secondTier,
      fake,
      errors,
      read: (...ids: string[]) =>
        readRecords<Item>(ids, {
          cache,
          layer: 'items',
          keyOf,
          find: async (asked) => {
            statements.push(`find ${asked}`);
            const found = asked.flatMap((id) => rows.get(id) ?? []);
            await answered;
            return found;
          },
          revalidate: async (known) => {
            statements.push(`check ${known.map(({ id }) => id)}`);
            return known.filter(({ id, version }) => rows.get(id)?.version === version).map(({ id }) => id);
          },
        }),
    };
    instances.push(instance);
    return instance;
  }

  return {
    clock,
    server,
    rows,
    messages,
    /** The database has looked at once, but its answers wait for this. */
    answerAfter(promise: Promise<unknown>) {
      answered = promise;
    },
    /** Time passes for the instances; the others stand still. */
    waitSeconds(seconds: number, ...working: { readonly secondTier: GenerationTier }[]) {
      for (let second = 0; second < seconds; second++) {
        clock.advanceSeconds(1);
        for (const { secondTier } of working) secondTier.heartbeat();
      }
    },
    /** What was asked of the database since the last call. */
    asked: () => statements.splice(0),
    entry: (id: string): TierEntry => JSON.parse(server.get(fullKeyOf(id))!),
    /** From now on nothing can be said to all, for this reason; `undefined`: it can again. */
    silence(reason: Error | undefined) {
      fault = reason;
    },
    /** An instance that is neither up nor listening yet. */
    createInstance,
    /** @param pause what each of its calls of the tier waits for */
    async start(keyPrefix: string | (() => string) = 'test', pause?: FakeStoreOptions['pause']) {
      const instance = createInstance(keyPrefix, pause);
      instance.fake.up();
      instance.cache.resume();
      await settled();
      return instance;
    },
    /** A write that everybody who follows hears of. */
    async write(id: string, row: Item | null, { isKnown = true, deaf }: { isKnown?: boolean; deaf?: Cache } = {}) {
      const version = row?.version ?? rows.get(id)!.version;
      if (row) rows.set(id, row);
      else rows.delete(id);
      const value = row && !isKnown ? undefined : row;
      for (const { cache } of instances) {
        if (cache.isLive && cache !== deaf)
          cache.announce({ records: [{ key: keyOf(id), version, value }], tags: [], change: null });
      }
      await settled();
    },
  };
}
