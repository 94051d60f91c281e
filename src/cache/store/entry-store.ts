import { endDependenciesOf } from '../cache-dependency.ts';
import type { Clock } from '../clock.ts';
import type { CacheOptions } from '../contract.ts';
import type { ReadTrace } from '../read-trace.ts';
import type { Entry, StoreOptions } from './entry.ts';
import { LruList } from './lru-list.ts';
import type { RemovalListeners } from './removal.ts';
import type { RemovalCause } from './removal-cause.ts';
import type { RemovalLog } from './removal-log.ts';
import { type CacheStats, type LayerCounters, SECOND_TIER_LAYER, summarize } from './stats.ts';
import { TagIndex } from './tag-index.ts';

export type EntryStoreOptions = Pick<CacheOptions, 'maxEntries' | 'maxBytes' | 'ttlSeconds' | 'negativeTtlSeconds'>;

interface EntryStoreParts {
  readonly clock: Clock;
  readonly removals: RemovalListeners;
  readonly log: RemovalLog;
  /** Called for an entry that leaves, or is too large to be held, although its value may still be current. */
  readonly onForgotten: (entry: Entry) => void;
}

/** The store's own memory for an entry, and for each of its tags, besides the key and the value. */
const ENTRY_OVERHEAD_BYTES = 320;
const TAG_OVERHEAD_BYTES = 500;
const NO_TAGS: readonly string[] = [];

/** The entries, bounded in number and bytes, with their tags and the counters of their layers. Knows nothing of loads. */
export class EntryStore {
  readonly #entries = new Map<string, Entry>();
  readonly #tagged = new TagIndex<Entry>();
  readonly #order = new LruList<Entry>();
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #ttlMs: number;
  readonly #negativeTtlMs: number;
  readonly #layers = new Map<string, LayerCounters>();
  readonly #derivedLayers = new Map<string, LayerCounters>();
  readonly #removals: RemovalListeners;
  readonly #log: RemovalLog;
  readonly #onForgotten: (entry: Entry) => void;
  #bytes = 0;

  /** @throws {RangeError} when a bound or a duration is not positive */
  constructor(options: EntryStoreOptions, { clock, removals, log, onForgotten }: EntryStoreParts) {
    this.#clock = clock;
    this.#removals = removals;
    this.#log = log;
    this.#onForgotten = onForgotten;
    this.#maxEntries = positive('maxEntries', options.maxEntries ?? 100_000);
    this.#maxBytes = positive('maxBytes', options.maxBytes ?? 256 * 1024 * 1024);
    this.#ttlMs = 1000 * positive('ttlSeconds', options.ttlSeconds ?? 300);
    this.#negativeTtlMs = 1000 * positive('negativeTtlSeconds', options.negativeTtlSeconds ?? 30);
  }

  /** Returns the counters of a layer, which are created when they are first needed. */
  counters(layer: string): LayerCounters {
    let counters = this.#layers.get(layer);
    if (!counters) {
      counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
      this.#layers.set(layer, counters);
    }
    return counters;
  }

  /** Counts a read in its layer and in its trace. */
  count(layer: string, isHit: boolean, trace?: ReadTrace): void {
    const counters = this.counters(layer);
    if (isHit) {
      counters.hits++;
      if (trace) trace.hits++;
    } else {
      counters.misses++;
      if (trace) trace.misses++;
    }
  }

  /** Registers a layer whose counters the caller updates. */
  addDerivedLayer(name: string): LayerCounters {
    const counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
    this.#derivedLayers.set(name, counters);
    return counters;
  }

  /** Finds an entry, expired or not, and marks it as used. */
  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry) this.#order.touch(entry);
    return entry;
  }

  /** Finds an entry without marking it as used. */
  peek(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Returns the entries with a tag, as a copy. */
  tagged(tag: string): Entry[] {
    return this.#tagged.tagged(tag);
  }

  /**
   * Stores a value, replaces the entry under its key, and returns the new entry. An entry larger than `maxBytes` is not
   * held; the entry it would have replaced leaves all the same.
   * @param replaced the entry under the key, for callers who have just looked it up
   * @param storedAtMs for callers who have just looked at the clock
   */
  put(
    key: string,
    value: unknown,
    options: StoreOptions,
    valueBytes: number,
    replaced: Entry | null = this.#entries.get(key) ?? null,
    storedAtMs: number = this.#clock.now(),
  ): Entry {
    const { layer, ttlSeconds, version, tags = NO_TAGS, isAffectedBy, evolution, request } = options;
    const defaultTtlMs = value === null ? this.#negativeTtlMs : this.#ttlMs;
    const entry: Entry = {
      key,
      layer,
      value,
      version,
      request,
      storedAtMs,
      expiresAtMs: storedAtMs + (ttlSeconds === undefined ? defaultTtlMs : 1000 * ttlSeconds),
      bytes: ENTRY_OVERHEAD_BYTES + TAG_OVERHEAD_BYTES * tags.length + key.length + valueBytes,
      tags,
      isAffectedBy,
      evolution,
      isHeld: false,
      hits: 0,
      dependencies: undefined,
      newer: null,
      older: null,
    };
    // Removed first, so that its tags leave the index before the tags of the new entry enter it.
    if (replaced) this.#remove(replaced, 'replaced', storedAtMs);
    if (entry.bytes > this.#maxBytes) {
      this.#onForgotten(entry);
      return entry;
    }
    this.#add(entry);
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes)
      this.forget(this.#order.oldest!, 'evicted', storedAtMs);
    return entry;
  }

  /** Whether the key is held, or an entry without tags can be stored under it without evicting another one. */
  hasRoomFor(key: string, valueBytes: number): boolean {
    const bytes = ENTRY_OVERHEAD_BYTES + key.length + valueBytes;
    const isFull = this.#entries.size >= this.#maxEntries || this.#bytes + bytes > this.#maxBytes;
    return !isFull || this.#entries.has(key);
  }

  /** Removes an entry and returns whether it was held. */
  delete(key: string, cause: RemovalCause): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#remove(entry, cause);
    return true;
  }

  /** Removes an entry whose value may still be current. */
  forget(entry: Entry, cause: 'expired' | 'evicted', nowMs?: number): void {
    this.#remove(entry, cause, nowMs);
    this.#onForgotten(entry);
  }

  /** Returns all entries, expired or not, as a copy. */
  all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Returns the selected entries. Visits all of them. */
  select(isSelected: (entry: Entry) => boolean): Entry[] {
    return this.all().filter(isSelected);
  }

  /** Removes the selected entries and returns them. */
  invalidateWhere(isSelected: (entry: Entry) => boolean): readonly Entry[] {
    const selected = this.select(isSelected);
    const nowMs = this.#clock.now();
    for (const entry of selected) this.#remove(entry, 'invalidated', nowMs);
    return selected;
  }

  /** Removes all entries and returns their number. */
  clear(): number {
    const nowMs = this.#clock.now();
    const { size } = this.#entries;
    for (const entry of this.#entries.values()) this.#remove(entry, 'invalidated', nowMs);
    return size;
  }

  /** The names of the layers that hold entries, or did. */
  get layerNames(): readonly string[] {
    return [...this.#layers.keys()];
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

  #remove(entry: Entry, cause: RemovalCause, nowMs = this.#clock.now()): void {
    this.#entries.delete(entry.key);
    this.#order.remove(entry);
    entry.isHeld = false;
    this.#bytes -= entry.bytes;
    this.#tagged.remove(entry);
    const counters = this.counters(entry.layer);
    counters.size--;
    if (cause === 'evicted') counters.evictions++;
    const reported = cause === 'replaced' && entry.expiresAtMs <= nowMs ? 'expired' : cause;
    this.#log.note(entry.key, entry.layer, reported, nowMs);
    if (this.#removals.hasAny) this.#removals.report(entry, reported);
    endDependenciesOf(entry, reported);
  }
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${name} must be greater than 0; got ${value}.`);
  return value;
}
