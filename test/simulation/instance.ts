import { Cache } from '../../src/cache/index.ts';
import { GenerationTier } from '../../src/cache/redis/generation-tier.ts';
import { ChangeFeed } from '../../src/changes/index.ts';
import {
  type Collections,
  followChanges,
  type Identified,
  type OpenCollection,
  openCollections,
} from '../../src/collections/index.ts';
import { createFakeStore, type FakeServer } from '../cache/redis/fake-store.ts';
import type { Random } from '../coherence/random.ts';
import { deskCollections } from '../collections/desks.ts';
import type { Climate } from './climate.ts';
import { connectTo, OutageError, type Reachability } from './database-connection.ts';
import { createLatency } from './latency.ts';
import { definitionOf, type Table } from './rows.ts';
import type { Sabotage } from './sabotage.ts';
import type { SimulatedDatabase } from './simulated-database.ts';
import { SimulatedSource } from './simulated-source.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

export interface Surroundings {
  readonly climate: Climate;
  readonly database: SimulatedDatabase;
  readonly reachability: Reachability;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly tierServer: FakeServer;
  readonly sabotage: Sabotage;
}

/** Seconds for which the last known value may replace a failed load. Few, so that its end is met. */
export const STALE_IF_ERROR_SECONDS = 5;
/** A command of the second tier that takes longer is given up, though it may still take effect. */
const TIER_TIMEOUT_MS = 25;
const SWEEP_PERIOD_MS = 30_000;

/** One instance of the server from the change feed to the collections: the real code on simulated surroundings. */
export class Instance {
  readonly index: number;
  readonly owner: Owner = { pausedUntilMs: 0, isDead: false };
  readonly cache: Cache;
  readonly feed: ChangeFeed;
  readonly collections: Collections;
  readonly source: SimulatedSource;
  /** The number of the last commit that every fresh answer has to show. */
  floor = 0;
  readonly #tier: ReturnType<typeof createTier> | undefined;

  constructor(index: number, surroundings: Surroundings) {
    this.index = index;
    const { climate, database, reachability, time, random, sabotage } = surroundings;
    const latencyMs = createLatency(random, climate);
    const previous = time.owner;
    time.owner = this.owner;
    this.source = new SimulatedSource({
      database,
      reachability,
      time,
      random,
      latencyMs,
      owner: this.owner,
      onDelivered: (commit) => this.raiseFloor(commit),
      ...(sabotage.filter && { filter: sabotage.filter(random) }),
    });
    const send = (id: string) => this.source.echo(id);
    const echo = sabotage.hasNoEcho ? {} : { echo: { send, isRepeated: true } };
    this.feed = new ChangeFeed({ source: this.source, timers: time, ...echo });
    this.#tier = climate.hasTier ? createTier(surroundings, latencyMs, this.feed) : undefined;
    const secondTier = this.#tier?.secondTier;
    const { maxEntries, ttlSeconds, negativeTtlSeconds } = climate;
    this.cache = new Cache({
      clock: time,
      maxEntries,
      ttlSeconds,
      negativeTtlSeconds,
      staleIfErrorSeconds: STALE_IF_ERROR_SECONDS,
      isOutage: (error) => error instanceof OutageError,
      ...(secondTier && { secondTier }),
    });
    sabotage.onInstance?.({ cache: this.cache, feed: this.feed, tier: secondTier, time, random });
    followChanges(this.feed, this.cache, deskCollections);
    this.feed.follow({
      onLive: () => this.raiseFloor(database.commits),
      onCommand: (command) => {
        if (command.command === 'clearCache') this.cache.clear();
        if (command.command === 'invalidateCache') this.cache.invalidate(command.pattern);
      },
    });
    const connection = connectTo({ database, reachability, time, latencyMs });
    this.collections = openCollections(deskCollections, { cache: this.cache, database: connection });
    setInterval(() => this.cache.cleanupExpired(), SWEEP_PERIOD_MS);
    secondTier?.start();
    this.#tier?.fake.up();
    void this.feed.start();
    time.owner = previous;
  }

  get isLive(): boolean {
    return this.feed.state === 'live';
  }

  raiseFloor(commit: number): void {
    this.floor = Math.max(this.floor, commit);
  }

  open(table: Table): OpenCollection<Identified, object, string> {
    return this.collections.of(definitionOf[table]);
  }

  /** Loses the second tier, which comes back after a while. */
  loseTier(forMs: number): void {
    this.#tier?.lose(forMs);
  }

  /** Ends without a message, like a process that is killed. */
  kill(): void {
    this.owner.isDead = true;
    void this.feed.close();
    void this.#tier?.secondTier.close();
  }
}

function createTier({ climate, time, random, tierServer }: Surroundings, latencyMs: () => number, feed: ChangeFeed) {
  const fake = createFakeStore({
    server: tierServer,
    clock: time,
    pause: async () => {
      const delayMs = latencyMs();
      if (delayMs > TIER_TIMEOUT_MS) time.after(TIER_TIMEOUT_MS, () => lose(random.whole(1, 500)));
      await time.sleep(delayMs);
    },
  });
  const lose = (forMs: number) => {
    fake.down();
    time.after(forMs, () => fake.up());
  };
  const store = { ...fake.store, restart: () => lose(random.whole(1, 100)) };
  const secondTier = new GenerationTier({
    versionOf: (record) => (record as Identified).rowVersion,
    store,
    keyPrefix: 'simulation',
    ttlSeconds: climate.ttlSeconds,
    clock: time,
    send: (message) => feed.send(message),
  });
  return { fake, secondTier, lose };
}
