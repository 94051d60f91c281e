import { Cache, type TierMessage } from '../../../src/cache/index.ts';
import { GenerationTier } from '../../../src/cache/redis/generation-tier.ts';
import type { TierEntry } from '../../../src/cache/redis/tier-store.ts';
import { readRecords } from '../../../src/collections/reading/records.ts';
import { createTestClock } from '../../../src/testing/test-clock.ts';
import { createFakeStore, FakeServer, type FakeStoreOptions } from './fake-store.ts';

export interface Item {
  readonly id: string;
  readonly version: number;
  readonly name: string;
}

export const item = (id: string, version = 1): Item => ({ id, version, name: `${id}, version ${version}` });
export const keyOf = (id: string) => `items_${id}`;
export const fullKeyOf = (id: string) => `test:items_${id}`;

/** Waits for everything in flight, which arrives within one turn of the event loop. */
export const delivered = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Creates instances that share a database, a server and a feed that delivers at once. */
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
          versionOf: ({ version }) => version,
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
    /** Delays the answers of the database, which runs its queries at once, until `promise` resolves. */
    answerAfter(promise: Promise<unknown>) {
      answered = promise;
    },
    /** Lets time pass. Only the `working` instances have heartbeats; the others are paused. */
    waitSeconds(seconds: number, ...working: { readonly secondTier: GenerationTier }[]) {
      for (let second = 0; second < seconds; second++) {
        clock.advanceSeconds(1);
        for (const { secondTier } of working) secondTier.heartbeat();
      }
    },
    /** Returns the statements since the last call. */
    asked: () => statements.splice(0),
    entry: (id: string): TierEntry => JSON.parse(server.get(fullKeyOf(id))!),
    /** Makes sending messages fail with `reason`; `undefined`: sending works again. */
    silence(reason: Error | undefined) {
      fault = reason;
    },
    /** Creates an instance that is neither up nor resumed. */
    createInstance,
    /** @param pause awaited by each of the instance's calls of the store */
    async start(keyPrefix: string | (() => string) = 'test', pause?: FakeStoreOptions['pause']) {
      const instance = createInstance(keyPrefix, pause);
      instance.fake.up();
      instance.cache.resume();
      await delivered();
      return instance;
    },
    /** Writes a row and announces it to all instances but `except`. */
    async write(id: string, row: Item | null, { isKnown = true, except }: { isKnown?: boolean; except?: Cache } = {}) {
      const version = row?.version ?? rows.get(id)!.version;
      if (row) rows.set(id, row);
      else rows.delete(id);
      const value = row && !isKnown ? undefined : row;
      for (const { cache } of instances) {
        if (cache.isLive && cache !== except)
          cache.announce({ records: [{ key: keyOf(id), version, value }], tags: [], change: null });
      }
      await delivered();
    },
  };
}
