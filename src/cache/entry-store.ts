import { endDependenciesOf } from './cache-dependency.ts';
import type { Clock } from './clock.ts';
import type { CacheOptions } from './contract.ts';
import type { Entry, StoreOptions } from './entry.ts';
import { LruList } from './lru-list.ts';
import type { ReadTrace } from './read-trace.ts';
import { type CacheStats, type LayerCounters, SECOND_TIER_LAYER, summarize } from './stats.ts';
import { TagIndex } from './tag-index.ts';

export type EntryStoreOptions = Pick<CacheOptions, 'maxEntries' | 'maxBytes' | 'ttlSeconds' | 'negativeTtlSeconds'>;

/** What the store needs for an entry, and for each of its tags, besides the key and the value. */
const ENTRY_OVERHEAD_BYTES = 320;
const TAG_OVERHEAD_BYTES = 500;
const NO_TAGS: readonly string[] = [];

/** The entries themselves, bounded in number and bytes, found by key or by tag, and counted by layer. */
export class EntryStore {
  readonly #entries = new Map<string, Entry>();
  readonly #tagged = new TagIndex<Entry>();
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #ttlMs: number;
  readonly #negativeTtlMs: number;
  readonly #layers = new Map<string, LayerCounters>();
  readonly #derivedLayers = new Map<string, LayerCounters>();
  readonly #onForgotten: (entry: Entry) => void;
  #bytes = 0;
  readonly #order = new LruList<Entry>();

  /**
   * @param onForgotten told of what leaves, or is not held at all, although nothing is known against it
   * @throws {RangeError} when a bound or a duration is not positive
   */
  constructor(options: EntryStoreOptions, clock: Clock, onForgotten: (entry: Entry) => void) {
    this.#clock = clock;
    this.#onForgotten = onForgotten;
    this.#maxEntries = positive('maxEntries', options.maxEntries ?? 100_000);
    this.#maxBytes = positive('maxBytes', options.maxBytes ?? 256 * 1024 * 1024);
    this.#ttlMs = 1000 * positive('ttlSeconds', options.ttlSeconds ?? 300);
    this.#negativeTtlMs = 1000 * positive('negativeTtlSeconds', options.negativeTtlSeconds ?? 30);
  }

  counters(layer: string): LayerCounters {
    let counters = this.#layers.get(layer);
    if (!counters) {
      counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
      this.#layers.set(layer, counters);
    }
    return counters;
  }

  /** Counts a read, for its layer and for whoever traces it. */
  count({ layer, trace }: { readonly layer: string; readonly trace?: ReadTrace | undefined }, isHit: boolean): void {
    const counters = this.counters(layer);
    if (isHit) {
      counters.hits++;
      if (trace) trace.hits++;
    } else {
      counters.misses++;
      if (trace) trace.misses++;
    }
  }

  /** Counts what is kept elsewhere, as a layer of its own. */
  addDerivedLayer(name: string): LayerCounters {
    const counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
    this.#derivedLayers.set(name, counters);
    return counters;
  }

  /** Finds an entry and marks it as recently used, expired or not. */
  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry) this.#order.touch(entry);
    return entry;
  }

  /** Finds an entry without marking it as used. */
  peek(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  tagged(tag: string): Entry[] {
    return this.#tagged.tagged(tag);
  }

  /**
   * Stores a value, in the place of what is held under its key, and returns its entry. An entry larger than the whole
   * bound is not held, and what it would have replaced leaves all the same.
   */
  put(key: string, value: unknown, options: StoreOptions, valueBytes: number): Entry {
    const { layer, ttlSeconds, version, tags = NO_TAGS, isAffectedBy } = options;
    const storedAtMs = this.#clock.now();
    const defaultTtlMs = value === null ? this.#negativeTtlMs : this.#ttlMs;
    const entry: Entry = {
      key,
      layer,
      value,
      version,
      storedAtMs,
      expiresAtMs: storedAtMs + (ttlSeconds === undefined ? defaultTtlMs : 1000 * ttlSeconds),
      bytes: ENTRY_OVERHEAD_BYTES + TAG_OVERHEAD_BYTES * tags.length + key.length + valueBytes,
      tags,
      isAffectedBy,
      isHeld: false,
      dependencies: undefined,
      newer: null,
      older: null,
    };
    const replaced = this.#entries.get(key);
    // Removed first, so that its tags leave the index before those of the new one enter.
    if (replaced) this.#remove(replaced);
    if (entry.bytes > this.#maxBytes) {
      this.#onForgotten(entry);
      return entry;
    }
    this.#add(entry);
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes) this.#evict(this.#order.oldest!);
    return entry;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#remove(entry);
    return true;
  }

  /** Removes what nothing is known against, because its time or its room is over. */
  forget(entry: Entry): void {
    this.#remove(entry);
    this.#onForgotten(entry);
  }

  select(isSelected: (entry: Entry) => boolean): Entry[] {
    return [...this.#entries.values()].filter(isSelected);
  }

  /** Removes every entry that `isSelected` accepts and returns how many there were. */
  deleteWhere(isSelected: (entry: Entry) => boolean): number {
    const selected = this.select(isSelected);
    for (const entry of selected) this.#remove(entry);
    return selected.length;
  }

  summary(errors: number, secondTier: LayerCounters | undefined): CacheStats {
    const others = new Map(this.#derivedLayers);
    if (secondTier) others.set(SECOND_TIER_LAYER, secondTier);
    return summarize(this.#layers, { bytes: this.#bytes, errors }, others);
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.key, entry);
    this.#order.add(entry);
    entry.isHeld = true;
    this.#bytes += entry.bytes;
    this.#tagged.add(entry);
    this.counters(entry.layer).size++;
  }

  #evict(entry: Entry): void {
    this.forget(entry);
    this.counters(entry.layer).evictions++;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#order.remove(entry);
    entry.isHeld = false;
    this.#bytes -= entry.bytes;
    this.#tagged.remove(entry);
    this.counters(entry.layer).size--;
    endDependenciesOf(entry);
  }
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${name} must be greater than 0; got ${value}.`);
  return value;
}
