import { type Clock, systemClock } from './clock.ts';
import type { Announcement, CacheOptions, Fence, ReadOptions } from './contract.ts';
import { type Dependent, type Entry, isHeldAlready, type StoreOptions } from './entry.ts';
import { EntryStore } from './entry-store.ts';
import { compileGlob } from './glob.ts';
import { Loads } from './loads.ts';
import type { ReadTrace } from './read-trace.ts';
import type { SecondTier } from './second-tier.ts';
import { type CacheStats, type LayerCounters, SECOND_TIER_LAYER } from './stats.ts';
import { freezeAndMeasure } from './value.ts';
import { Voucher } from './voucher.ts';

const RETRY_AFTER_OUTAGE_MS = 1000;
/** What the store needs for an entry, and for each of its tags, besides the key and the value. */
const ENTRY_OVERHEAD_BYTES = 320;
const TAG_OVERHEAD_BYTES = 500;

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
  readonly #loads = new Loads();
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #negativeTtlMs: number;
  readonly #staleIfErrorMs: number;
  readonly #isOutage: (error: unknown) => boolean;
  readonly #onError: (error: unknown) => void;
  readonly #derivedLayers = new Map<string, LayerCounters>();
  #errors = 0;
  #distrustedAtMs: number | null = null;
  /** The last outage that a load met, and when the next load may find out whether it is over. */
  #outage: { readonly error: unknown; readonly retryAtMs: number } | null = null;

  /** @throws {RangeError} when a bound or a duration is not positive */
  constructor(options: CacheOptions = {}) {
    this.secondTier = options.secondTier ?? null;
    this.#clock = options.clock ?? systemClock;
    this.#ttlMs = 1000 * positive('ttlSeconds', options.ttlSeconds ?? 300);
    this.#negativeTtlMs = 1000 * positive('negativeTtlSeconds', options.negativeTtlSeconds ?? 30);
    this.#staleIfErrorMs = 1000 * (options.staleIfErrorSeconds ?? 60);
    this.#isOutage = options.isOutage ?? (() => false);
    this.#onError = options.onError ?? (() => {});
    this.#store = new EntryStore({
      maxEntries: positive('maxEntries', options.maxEntries ?? 100_000),
      maxBytes: positive('maxBytes', options.maxBytes ?? 256 * 1024 * 1024),
    });
  }

  /** Returns the fresh value of `key`, `null` when it is known to be absent, `undefined` when nothing is known. */
  get(key: string, layer = 'values'): unknown {
    const entry = this.#fresh(key);
    if (!entry) this.#deleteIfExpired(key);
    const counters = this.#store.counters(entry?.layer ?? layer);
    if (entry) counters.hits++;
    else counters.misses++;
    return entry?.value;
  }

  /** @throws {TypeError} when the value is not JSON-safe */
  set(key: string, value: unknown, options: StoreOptions = { layer: 'values' }): void {
    this.#loads.overtakeKey(key);
    this.#store.delete(key);
    this.#put(key, value, options);
  }

  /** Removes one key, and keeps loads that are running from storing it. Returns whether it was held. */
  delete(key: string): boolean {
    this.#loads.overtakeKey(key);
    return this.#store.delete(key);
  }

  /** Removes everything and returns how many entries there were. Loads that are running will not store. */
  clear(): number {
    this.secondTier?.discard();
    return this.#drop();
  }

  #drop(): number {
    this.#loads.overtakeAll();
    return this.#store.deleteWhere(() => true);
  }

  /**
   * Removes the entries whose key the glob selects and returns how many there were.
   * @throws {PatternError} when the pattern is blank or too long
   */
  invalidate(pattern: string): number {
    const isSelected = compileGlob(pattern);
    this.secondTier?.discard();
    this.#loads.overtakeKeys(isSelected);
    return this.#store.deleteWhere((entry) => isSelected(entry.key));
  }

  /** Removes what has expired and returns how many entries there were. */
  cleanupExpired(): number {
    const nowMs = this.#clock.now();
    const graceMs = this.isTrusted ? 0 : this.#staleIfErrorMs;
    return this.#store.deleteWhere((entry) => entry.expiresAtMs + graceMs <= nowMs);
  }

  getStats(): CacheStats {
    const others = new Map(this.#derivedLayers);
    if (this.secondTier) others.set(SECOND_TIER_LAYER, this.secondTier.counters);
    return this.#store.summary(this.#errors, others);
  }

  /** Counts what is kept elsewhere of what was made from values of this cache, as a layer of its own. */
  addDerivedLayer(name: string): LayerCounters {
    const counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
    this.#derivedLayers.set(name, counters);
    return counters;
  }

  /**
   * Vouches for what a reader found, for whoever keeps what was made from it; `null` when some of it is held no longer,
   * never was, or was stale already.
   * @param onVoid called once, when it may not be given any more
   */
  vouchFor({ keys, values, stale }: ReadTrace, onVoid: () => void): Voucher | null {
    if (!this.isTrusted || stale > 0) return null;
    const nowMs = this.#clock.now();
    const entries = new Set<Entry>();
    for (const [index, key] of keys.entries()) {
      const entry = this.#store.peek(key);
      if (!entry || entry.value !== values[index] || entry.expiresAtMs <= nowMs) return null;
      entries.add(entry);
    }
    return new Voucher(this, entries, onVoid);
  }

  get nowMs(): number {
    return this.#clock.now();
  }

  get isTrusted(): boolean {
    return this.#distrustedAtMs === null;
  }

  /** From now on nothing held is served as fresh and nothing is stored: changes may be passing unheard. */
  distrust(): void {
    this.#distrustedAtMs ??= this.#clock.now();
    this.#loads.overtakeAll();
    this.secondTier?.deafen();
  }

  /** Drops everything, then serves again: announcements are heard from here on. */
  trust(): void {
    this.#drop();
    this.#distrustedAtMs = null;
    this.#outage = null;
    this.secondTier?.listen();
  }

  /**
   * Returns the cached value for `key`, or loads, stores and returns it.
   *
   * Concurrent readers share one load. A failed load is not stored. If something the value depends on changes while the
   * load runs, those already waiting still get the value, but it is not stored and later readers load again.
   *
   * @throws {TypeError} when `load` resolves to `undefined` or to something that is not JSON-safe
   */
  async read<V>(key: string, load: (fence: Fence) => Promise<V>, options: ReadOptions<V>): Promise<V> {
    const values = await this.readMany([key], async (_keys, fence) => [await load(fence)], options);
    return values[0] as V;
  }

  /**
   * Returns the values of `keys`, in their order, loading those that are missing in one call of `loadMissing`, which
   * gives one value for each key it was asked for, in that order. Otherwise as `read`.
   */
  async readMany<V>(
    keys: readonly string[],
    loadMissing: (missing: readonly string[], fence: Fence) => Promise<readonly V[]>,
    options: ReadOptions<V>,
  ): Promise<V[]> {
    const found = new Map<string, V | Promise<V>>();
    const missing = new Set<string>();
    for (const key of keys) {
      const known = this.#fresh(key) ?? this.#loads.joinable(key);
      // A key that is named twice is asked for once.
      this.#count(options, known !== undefined || missing.has(key));
      if (known === undefined) missing.add(key);
      else found.set(key, ('value' in known ? known.value : known.promise) as V | Promise<V>);
    }
    if (missing.size > 0) {
      const asked = [...missing];
      const loaded = this.#duringOutage(asked) ?? this.#startLoad(asked, loadMissing, options);
      asked.forEach((key, index) => {
        found.set(key, loaded[index]!);
      });
    }
    const values = await Promise.all(
      keys.map((key) => {
        const value = found.get(key)!;
        return value instanceof Promise ? value.catch((error) => this.#staleOr(key, error, options)) : value;
      }),
    );
    if (options.trace) for (const [index, key] of keys.entries()) options.trace.add(key, values[index]);
    return values;
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
      this.#loads.overtakeTagged(tag, (load) => this.#affects(change, load));
    }
  }

  #announceRecord({ key, version, value }: Announcement['records'][number]): void {
    this.#loads.overtakeKey(key);
    const held = this.#store.peek(key);
    if (!held) return;
    const isReplaceable = held.value !== null && value !== undefined;
    if (isReplaceable && isHeldAlready(held, version, value)) return;
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

  /** Refuses at once what has just proved impossible, so that an outage costs each reader one wait and not one a load. */
  #duringOutage(keys: readonly string[]): Promise<never>[] | undefined {
    const outage = this.#outage;
    if (this.isTrusted || !outage || this.#clock.now() >= outage.retryAtMs) return undefined;
    return keys.map(() => Promise.reject(outage.error));
  }

  #startLoad<V>(
    keys: readonly string[],
    loadMissing: (missing: readonly string[], fence: Fence) => Promise<readonly V[]>,
    options: ReadOptions<V>,
  ): Promise<V>[] {
    const { tagsOf, isAffectedBy } = options;
    // Registered before the load begins, so that no change can slip in between.
    const load = this.#loads.begin(keys, {
      tags: tagsOf ? [...new Set(keys.flatMap(tagsOf))] : [],
      isAffectedBy: isAffectedBy && ((change) => keys.some((key) => isAffectedBy(change, undefined, key))),
      isOvertaken: !this.isTrusted,
    });
    const mayKeep: Fence['mayKeep'] = (key) => this.#loads.mayStoreResult(load, key);
    const prime: Fence['prime'] = (key, value, storeOptions) => {
      if (storeOptions.version !== undefined) this.secondTier?.saw(key, storeOptions.version);
      if (!this.#loads.mayPrime(load, key) || this.#loads.isBelowFloor(load, key, storeOptions.version)) return;
      this.#keep(key, value, storeOptions, freezeAndMeasure(value));
    };
    const batch = Promise.resolve()
      .then(() => loadMissing(keys, { prime, mayKeep }))
      .then((values) => {
        if (values.length !== keys.length) {
          throw new TypeError(`The load was asked for ${keys.length} values and gave ${values.length}.`);
        }
        this.#outage = null;
        values.forEach((value, index) => {
          const valueBytes = freezeAndMeasure(value);
          const key = keys[index]!;
          const version = value === null ? undefined : options.versionOf?.(value);
          if (!this.#loads.mayStoreResult(load, key) || this.#loads.isBelowFloor(load, key, version)) {
            this.#supersede(key, version, options);
            return;
          }
          const storeOptions: StoreOptions = {
            layer: options.layer,
            ttlSeconds: options.ttlSeconds,
            version,
            tags: tagsOf?.(key),
            isAffectedBy: isAffectedBy && ((change, held) => isAffectedBy(change, held as V, key)),
          };
          this.#keep(key, value, storeOptions, valueBytes);
        });
        return values;
      })
      .finally(() => this.#loads.end(load));
    const promises = keys.map((_key, index) => batch.then((values) => values[index]!));
    this.#loads.share(load, promises);
    return promises;
  }

  /**
   * Makes way for readers who were just given a value that may not be stored. It may be newer than what is held, and than
   * what other loads of the key looked at, and whoever has seen it must not be given something older.
   */
  #supersede<V>(key: string, version: number | undefined, { tagsOf, versionOf }: ReadOptions<V>): void {
    const held = this.#store.peek(key);
    if (version !== undefined) {
      this.#loads.raiseFloor(key, version);
      if (held && held.value !== null && (held.version ?? version) >= version) return;
    } else if (versionOf || tagsOf) {
      this.#loads.overtakeKey(key);
    } else {
      return;
    }
    // While nothing is trusted, what is held may stand in for what cannot be loaded; but not a record that was just seen
    // newer, or gone.
    if (this.isTrusted || versionOf) this.#store.delete(key);
  }

  /** Stores what a load brought, unless something newer is held already. */
  #keep(key: string, value: unknown, options: StoreOptions, valueBytes: number): void {
    const held = this.#store.peek(key);
    if (held?.version !== undefined && options.version !== undefined) {
      if (held.version > options.version) return;
    } else if (held && (held.value === null) !== (value === null) && held.expiresAtMs > this.#clock.now()) {
      // Two loads disagree on whether it exists, and no version tells which of them looked later: the next reader asks.
      this.delete(key);
      return;
    }
    this.#put(key, value, options, valueBytes);
  }

  #put(key: string, value: unknown, options: StoreOptions, valueBytes = freezeAndMeasure(value)): void {
    const { layer, ttlSeconds, version, tags = [], isAffectedBy } = options;
    const bytes = ENTRY_OVERHEAD_BYTES + TAG_OVERHEAD_BYTES * tags.length + key.length + valueBytes;
    if (!this.isTrusted) return;
    const storedAtMs = this.#clock.now();
    const ttlMs = ttlSeconds !== undefined ? 1000 * ttlSeconds : value === null ? this.#negativeTtlMs : this.#ttlMs;
    const expiresAtMs = storedAtMs + ttlMs;
    this.#store.set({ key, layer, value, version, storedAtMs, expiresAtMs, bytes, tags, isAffectedBy });
  }

  #fresh(key: string): Entry | undefined {
    if (!this.isTrusted) return undefined;
    const entry = this.#store.get(key);
    return entry && entry.expiresAtMs > this.#clock.now() ? entry : undefined;
  }

  #deleteIfExpired(key: string): void {
    const entry = this.#store.peek(key);
    if (this.isTrusted && entry && entry.expiresAtMs <= this.#clock.now()) this.#store.delete(key);
  }

  /** The last known value, when `error` is an outage and the value's time of grace is not over; else throws `error`. */
  #staleOr<V>(key: string, error: unknown, { trace }: ReadOptions<V>): V {
    if (!this.#isOutage(error)) throw error;
    if (error !== this.#outage?.error) this.#outage = { error, retryAtMs: this.#clock.now() + RETRY_AFTER_OUTAGE_MS };
    const entry = this.#store.peek(key);
    if (!entry) throw error;
    const freshUntilMs = Math.min(entry.expiresAtMs, this.#distrustedAtMs ?? Number.POSITIVE_INFINITY);
    if (this.#clock.now() >= freshUntilMs + this.#staleIfErrorMs) throw error;
    if (trace) trace.stale++;
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

  #count({ layer, trace }: Pick<ReadOptions<never>, 'layer' | 'trace'>, isHit: boolean): void {
    const counters = this.#store.counters(layer);
    if (isHit) {
      counters.hits++;
      if (trace) trace.hits++;
    } else {
      counters.misses++;
      if (trace) trace.misses++;
    }
  }
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${name} must be greater than 0; got ${value}.`);
  return value;
}
