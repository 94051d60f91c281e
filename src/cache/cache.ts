import type { AnnouncedRecord, Announcement } from './announcement.ts';
import { CacheDependency } from './cache-dependency.ts';
import { type Clock, systemClock } from './clock.ts';
import type { CacheOptions, FillLease, ReadOptions } from './contract.ts';
import { type Dependent, type Entry, isAtLeastAsNew, type StoreOptions } from './entry.ts';
import { EntryStore } from './entry-store.ts';
import { compileGlob } from './glob.ts';
import { InFlightLoads, type Load, type LoadResult, type PendingLoad } from './in-flight-loads.ts';
import type { ReadTrace } from './read-trace.ts';
import type { SecondTier } from './second-tier.ts';
import type { CacheStats, LayerCounters } from './stats.ts';
import { freezeAndMeasure } from './value.ts';

const RETRY_AFTER_OUTAGE_MS = 1000;

/**
 * A read-through TTL cache that listens to changes.
 *
 * Promise: once `announce` has returned, no read that starts later gets a value from before the change, whatever loads
 * were running. While the cache is distrusted (its source of announcements is lost) nothing in it is served as fresh.
 *
 * Values are JSON-safe and frozen on the way in. `null` means "known to be absent" and is cached.
 */
export class Cache {
  readonly secondTier: SecondTier | null;
  readonly #store: EntryStore;
  readonly #loads = new InFlightLoads();
  readonly #clock: Clock;
  readonly #staleIfErrorMs: number;
  readonly #isOutage: (error: unknown) => boolean;
  readonly #onError: (error: unknown) => void;
  #errors = 0;
  #suspendedAtMs: number | null = null;
  /** The last outage that a load met, and when the next load may find out whether it is over. */
  #outage: { readonly error: unknown; readonly retryAtMs: number } | null = null;

  /** @throws {RangeError} when a bound or a duration is not positive */
  constructor(options: CacheOptions = {}) {
    this.secondTier = options.secondTier ?? null;
    this.#clock = options.clock ?? systemClock;
    this.#staleIfErrorMs = 1000 * (options.staleIfErrorSeconds ?? 60);
    this.#isOutage = options.isOutage ?? (() => false);
    this.#onError = options.onError ?? (() => {});
    this.#store = new EntryStore(options, this.#clock, (entry) => this.#loads.outlive(entry));
  }

  /** Returns the fresh value of `key`, `null` when it is known to be absent, `undefined` when nothing is known. */
  get(key: string, layer = 'values'): unknown {
    const entry = this.#fresh(key, this.#clock.now());
    // What is held but not fresh has expired; while nothing is trusted it may have to stand in all the same.
    if (!entry && this.isLive) this.#store.delete(key);
    const counters = this.#store.counters(entry?.layer ?? layer);
    if (entry) counters.hits++;
    else counters.misses++;
    return entry?.value;
  }

  /** @throws {TypeError} when the value is not JSON-safe */
  set(key: string, value: unknown, options: StoreOptions = { layer: 'values' }): void {
    this.#loads.invalidateKey(key);
    this.#store.delete(key);
    this.#put(key, value, options);
  }

  /** Removes one key, and keeps loads that are running from storing it. Returns whether it was held. */
  delete(key: string): boolean {
    this.#loads.invalidateKey(key);
    return this.#store.delete(key);
  }

  /** Removes everything and returns how many entries there were. InFlightLoads that are running will not store. */
  clear(): number {
    this.secondTier?.discard();
    return this.#drop();
  }

  #drop(): number {
    this.#loads.invalidateAll();
    return this.#store.deleteWhere(() => true);
  }

  /**
   * Removes the entries whose key the glob selects and returns how many there were.
   * @throws {PatternError} when the pattern is blank or too long
   */
  invalidate(pattern: string): number {
    const isSelected = compileGlob(pattern);
    this.secondTier?.discard();
    this.#loads.invalidateKeys(isSelected);
    return this.#store.deleteWhere((entry) => isSelected(entry.key));
  }

  /** Removes what has expired and returns how many entries there were. */
  cleanupExpired(): number {
    const nowMs = this.#clock.now();
    const graceMs = this.isLive ? 0 : this.#staleIfErrorMs;
    const expired = this.#store.select((entry) => entry.expiresAtMs + graceMs <= nowMs);
    for (const entry of expired) this.#store.forget(entry);
    return expired.length;
  }

  getStats(): CacheStats {
    return this.#store.summary(this.#errors, this.secondTier?.counters);
  }

  /** Counts what is kept elsewhere of what was made from values of this cache, as a layer of its own. */
  addDerivedLayer(name: string): LayerCounters {
    return this.#store.addDerivedLayer(name);
  }

  /**
   * Vouches for what a reader found, for whoever keeps what was made from it; `null` when some of it is held no longer,
   * never was, or was stale already.
   * @param onEnd called once, when it may not be given any more
   */
  dependOn({ entries, stale }: ReadTrace, onEnd: () => void): CacheDependency | null {
    if (!this.isLive || stale > 0) return null;
    const nowMs = this.#clock.now();
    for (const entry of entries) if (!entry?.isHeld || entry.expiresAtMs <= nowMs) return null;
    return new CacheDependency(this, entries as readonly Entry[], onEnd);
  }

  get nowMs(): number {
    return this.#clock.now();
  }

  get isLive(): boolean {
    return this.#suspendedAtMs === null;
  }

  /** From now on nothing held is served as fresh and nothing is stored: changes may be passing unheard. */
  suspend(): void {
    this.#suspendedAtMs ??= this.#clock.now();
    this.#loads.invalidateAll();
    this.secondTier?.suspend();
  }

  /** Drops everything, then serves again: announcements are heard from here on. */
  resume(): void {
    this.#drop();
    this.#suspendedAtMs = null;
    this.#outage = null;
    this.secondTier?.resume();
  }

  /**
   * Returns the cached value for `key`, or loads, stores and returns it.
   *
   * Concurrent readers share one load. A failed load is not stored. If something the value depends on changes while the
   * load runs, those already waiting still get the value, but it is not stored and later readers load again.
   *
   * @throws {TypeError} when `load` resolves to `undefined` or to something that is not JSON-safe
   */
  async read<V>(key: string, load: (lease: FillLease) => Promise<V>, options: ReadOptions<V>): Promise<V> {
    const values = await this.readMany([key], async (_keys, lease) => [await load(lease)], options);
    return values[0] as V;
  }

  /**
   * Returns the values of `keys`, in their order, loading those that are missing in one call of `loadMissing`, which
   * gives one value for each key it was asked for, in that order. Otherwise as `read`.
   */
  async readMany<V>(
    keys: readonly string[],
    loadMissing: (missing: readonly string[], lease: FillLease) => Promise<readonly V[]>,
    options: ReadOptions<V>,
  ): Promise<V[]> {
    const nowMs = this.#clock.now();
    const missing = new Map<string, number>();
    const known = keys.map((key) => {
      const source = this.#fresh(key, nowMs) ?? this.#loads.joinable(key);
      // A key that is named twice is asked for once.
      this.#store.count(options, source !== undefined || missing.has(key));
      if (source === undefined && !missing.has(key)) missing.set(key, missing.size);
      return source;
    });
    const own = missing.size === 0 ? undefined : this.#load(missing, loadMissing, options, nowMs);
    const results = new Map<PendingLoad, LoadResult>();
    for (const source of known) {
      const load = source ?? own!;
      if ('ended' in load && !results.has(load)) results.set(load, await load.ended);
    }
    return keys.map((key, index) => {
      const source = known[index] ?? own!;
      if ('ended' in source) return this.#take(key, source, results.get(source)!, options);
      options.trace?.add(key, source);
      return source.value as V;
    });
  }

  /** What a load brought for one of its keys, or what has to do instead. */
  #take<V>(key: string, { placeOf }: PendingLoad, result: LoadResult, options: ReadOptions<V>): V {
    if ('error' in result) return this.#staleOr(key, result.error, options);
    const place = placeOf.get(key)!;
    options.trace?.add(key, result.entries[place]!);
    return result.values[place] as V;
  }

  /** The fresh value of `key`, at once. `undefined` counts as no miss: whoever asked goes on to `read`. */
  findHeld<V>(key: string, options: Pick<ReadOptions<V>, 'layer' | 'trace'>): V | undefined {
    const entry = this.#fresh(key, this.#clock.now());
    return entry && this.#hit(entry, options);
  }

  /** The value of an entry that a load brought along; `undefined` once it has left the cache. */
  readPrimed<V>(entry: Entry, options: Pick<ReadOptions<V>, 'layer' | 'trace'>): V | undefined {
    return this.isLive && entry.isHeld ? this.#hit(entry, options) : undefined;
  }

  #hit<V>(entry: Entry, options: Pick<ReadOptions<V>, 'layer' | 'trace'>): V {
    this.#store.count(options, true);
    options.trace?.add(entry.key, entry);
    return entry.value as V;
  }

  /**
   * Applies a committed change. A held record is replaced in place when the announcement brings newer content; a value
   * that carries one of the tags is dropped if the change affects it; running loads of either kind will not be stored.
   */
  announce({ records, tags, change }: Announcement): void {
    for (const record of records) this.#announceRecord(record);
    this.secondTier?.announce(records);
    for (const tag of tags) {
      for (const entry of this.#store.tagged(tag)) {
        if (this.#affects(change, entry)) this.#store.delete(entry.key);
      }
      this.#loads.invalidateTagged(tag, (load) => this.#affects(change, load));
    }
  }

  #announceRecord({ key, version, value }: AnnouncedRecord): void {
    this.#loads.invalidateKey(key);
    const held = this.#store.peek(key);
    if (!held) return;
    const isReplaceable = held.value !== null && value !== undefined;
    if (isReplaceable && isAtLeastAsNew(held, version, value)) return;
    this.#store.delete(key);
    // Absence that ended, or content that is not known: the next reader asks.
    if (!isReplaceable) return;
    const { layer, tags, isAffectedBy } = held;
    const ttlSeconds = value === null ? undefined : (held.expiresAtMs - held.storedAtMs) / 1000;
    try {
      this.#put(key, value, { layer, ttlSeconds, version, tags, isAffectedBy });
    } catch (error) {
      this.#report(error);
    }
  }

  #load<V>(
    placeOf: ReadonlyMap<string, number>,
    loadMissing: (missing: readonly string[], lease: FillLease) => Promise<readonly V[]>,
    options: ReadOptions<V>,
    startedAtMs: number,
  ): PendingLoad {
    const outage = this.#outage;
    // Refused at once, so that an outage costs each reader one wait and not one a load.
    if (!this.isLive && outage && startedAtMs < outage.retryAtMs) {
      return { placeOf, ended: Promise.resolve({ error: outage.error }) };
    }
    const { tagsOf, isAffectedBy } = options;
    const keys = [...placeOf.keys()];
    const dependent = {
      tags: tagsOf ? [...new Set(keys.flatMap(tagsOf))] : [],
      isAffectedBy: isAffectedBy && ((change: unknown) => keys.some((key) => isAffectedBy(change, undefined, key))),
      isInvalidated: !this.isLive,
      startedAtMs,
    };
    return this.#loads.begin(placeOf, dependent, async (load) => {
      const values = await loadMissing(keys, this.#leaseOf(load));
      if (values.length !== keys.length) {
        throw new TypeError(`The load was asked for ${keys.length} values and gave ${values.length}.`);
      }
      this.#outage = null;
      return { values, entries: values.map((value, place) => this.#keepLoaded(load, keys[place]!, value, options)) };
    });
  }

  #leaseOf(load: Load): FillLease {
    return {
      mayFill: (key) => this.#loads.mayStoreResult(load, key),
      prime: (key, value, options) => {
        if (options.version !== undefined) this.secondTier?.observeVersion(key, options.version);
        if (!this.#loads.mayPrime(load, key) || this.#loads.isOutdated(load, key, options.version)) return null;
        return this.#keep(key, value, options, options.bytes ?? freezeAndMeasure(value));
      },
    };
  }

  /** Stores what a load was asked for, if it may be; returns the entry that now holds it. */
  #keepLoaded<V>(load: Load, key: string, value: V, options: ReadOptions<V>): Entry | null {
    const valueBytes = freezeAndMeasure(value);
    const { layer, ttlSeconds, tagsOf, isAffectedBy, versionOf } = options;
    const version = value === null ? undefined : versionOf?.(value);
    if (!this.#loads.mayStoreResult(load, key) || this.#loads.isOutdated(load, key, version)) {
      this.#supersede(key, version, options);
      return null;
    }
    const storeOptions: StoreOptions = {
      layer,
      ttlSeconds,
      version,
      tags: tagsOf?.(key),
      isAffectedBy: isAffectedBy && ((change, held) => isAffectedBy(change, held as V, key)),
    };
    return this.#keep(key, value, storeOptions, valueBytes);
  }

  /**
   * Makes way for readers who were just given a value that may not be stored. It may be newer than what is held, and than
   * what other loads of the key looked at, and whoever has seen it must not be given something older.
   */
  #supersede<V>(key: string, version: number | undefined, { tagsOf, versionOf }: ReadOptions<V>): void {
    const held = this.#store.peek(key);
    if (version !== undefined) {
      this.#loads.rememberVersion(key, version);
      if (held && held.value !== null && (held.version ?? version) >= version) return;
    } else if (versionOf || tagsOf) {
      this.#loads.invalidateKey(key);
    } else {
      return;
    }
    // While nothing is trusted, what is held may stand in for what cannot be loaded; but not a record that was just seen
    // newer, or gone.
    if (this.isLive || versionOf) this.#store.delete(key);
  }

  /** Stores what a load brought, unless something newer is held already; returns the entry that now holds it. */
  #keep(key: string, value: unknown, options: StoreOptions, valueBytes: number): Entry | null {
    const held = this.#store.peek(key);
    if (held?.version !== undefined && options.version !== undefined) {
      if (held.version > options.version) return null;
      // The same content. What was made from it stays good for as long as it was.
      if (held.version === options.version && held.expiresAtMs > this.#clock.now() && this.isLive) return held;
    } else if (held && (held.value === null) !== (value === null) && this.#mayBeLater(held)) {
      // Two loads disagree on whether it exists, and no version tells which of them looked later: the next reader asks.
      this.delete(key);
      return null;
    }
    return this.#put(key, value, options, valueBytes);
  }

  #put(key: string, value: unknown, options: StoreOptions, valueBytes = freezeAndMeasure(value)): Entry | null {
    return this.isLive ? this.#store.put(key, value, options, valueBytes) : null;
  }

  /** Whether what is held may be from a later look than what a load brings. */
  #mayBeLater(held: Entry): boolean {
    return held.expiresAtMs > this.#clock.now() || this.#loads.precede(held);
  }

  #fresh(key: string, nowMs: number): Entry | undefined {
    if (!this.isLive) return undefined;
    const entry = this.#store.get(key);
    if (!entry || entry.expiresAtMs > nowMs) return entry;
    // Held on to, in case that nothing newer can be loaded.
    this.#loads.outlive(entry);
    return undefined;
  }

  /** The last known value, when `error` is an outage and the value's time of grace is not over; else throws `error`. */
  #staleOr<V>(key: string, error: unknown, { trace }: ReadOptions<V>): V {
    if (!this.#isOutage(error)) throw error;
    if (error !== this.#outage?.error) this.#outage = { error, retryAtMs: this.#clock.now() + RETRY_AFTER_OUTAGE_MS };
    const entry = this.#store.peek(key);
    if (!entry) throw error;
    const freshUntilMs = Math.min(entry.expiresAtMs, this.#suspendedAtMs ?? Number.POSITIVE_INFINITY);
    if (this.#clock.now() >= freshUntilMs + this.#staleIfErrorMs) throw error;
    if (trace) {
      trace.stale++;
      trace.add(key, null);
    }
    return entry.value as V;
  }

  #affects(change: unknown, dependent: Dependent & { readonly value?: unknown }): boolean {
    if (!dependent.isAffectedBy) return true;
    try {
      return dependent.isAffectedBy(change, dependent.value);
    } catch (error) {
      // When in doubt, drop: a needless load is cheaper than a stale answer.
      this.#report(error);
      return true;
    }
  }

  #report(error: unknown): void {
    this.#errors++;
    this.#onError(error);
  }
}
