import type { SecondTier, TierRecord, TierVisit } from '../../src/cache/index.ts';

interface Held {
  readonly version: number;
  /** `null`: deleted, or changed and its content is unknown. */
  readonly record: object | null;
  readonly generation: string;
}

/** The memory that several tiers share, as instances share a server. */
export type SharedRecords = Map<string, Held>;

let generations = 0;

/**
 * The smallest second tier that keeps the port's contract: a map, written at once. Each instance stays in a generation of
 * its own, so it compares what other instances wrote with the database.
 */
export function createMemoryTier(shared: SharedRecords = new Map()): SecondTier {
  const counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
  const minimumVersions = new Map<string, number>();
  let isUp = false;
  let isListening = false;
  let generation: string | null = null;
  let discarded: ReadonlySet<Held> = new Set();

  const renew = () => {
    generation = isUp && isListening ? `memory-${generations++}` : null;
  };
  const remember = (key: string, version: number) =>
    minimumVersions.set(key, Math.max(version, minimumVersions.get(key) ?? 0));

  function write(key: string, version: number, record: object | null): void {
    const held = shared.get(key);
    const isNewer = !held || version > held.version || (version === held.version && held.record !== null);
    if (isNewer && generation !== null) shared.set(key, { version, record, generation });
  }

  function find(key: string): TierRecord | undefined {
    const held = shared.get(key);
    if (!held?.record || discarded.has(held) || held.version < (minimumVersions.get(key) ?? 0)) return undefined;
    return { record: held.record, version: held.version, isCurrent: held.generation === generation };
  }

  const visit: TierVisit = {
    async read(keys) {
      const found = new Map<string, TierRecord>();
      for (const key of keys) {
        const record = find(key);
        if (record) found.set(key, record);
      }
      counters.hits += found.size;
      counters.misses += keys.length - found.size;
      return found;
    },
    store: write,
  };

  return {
    get isUp() {
      return isUp;
    },
    get generation() {
      return generation;
    },
    counters,
    start() {
      isUp = true;
      renew();
    },
    async close() {
      isUp = false;
      renew();
    },
    suspend() {
      isListening = false;
      renew();
    },
    resume() {
      isListening = true;
      renew();
    },
    announce(records) {
      for (const { key, version, value } of records) {
        remember(key, value === null ? version + 1 : version);
        write(key, version, (value as object | null | undefined) ?? null);
      }
    },
    observeVersion: (key, version) => remember(key, version ?? Number.POSITIVE_INFINITY),
    visit: () => (generation === null ? null : visit),
    discard() {
      discarded = new Set(shared.values());
      renew();
    },
    rejoin: renew,
    receive() {},
  };
}
