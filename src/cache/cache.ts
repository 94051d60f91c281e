import { AnnouncedChanges, measureEvolving } from './announced-changes.ts';
import type { Announcement } from './announcement.ts';
import { type CacheDependency, createDependency, type OnDependencyEnd } from './cache-dependency.ts';
import { type Clock, systemClock } from './clock.ts';
import type { CacheOptions, FillLease, ReadOptions } from './contract.ts';
import { Filling } from './filling.ts';
import { compileGlob } from './glob.ts';
import { InFlightLoads, type Load, type LoadResult, type PendingLoad } from './in-flight-loads.ts';
import { CacheInspection, type DerivedValues, MAX_KEYS_TOLD } from './inspection/inspection.ts';
import { Outage } from './outage.ts';
import { dependentOf, storeOptionsOf } from './read-options.ts';
import type { ReadTrace } from './read-trace.ts';
import type { SecondTier } from './second-tier.ts';
import type { ServedSample } from './served-sample.ts';
import type { Entry, StoreOptions } from './store/entry.ts';
import { EntryStore } from './store/entry-store.ts';
import { type RemovalListener, RemovalListeners } from './store/removal.ts';
import { RemovalLog, type RemovalOrigin } from './store/removal-log.ts';
import type { CacheStats, LayerCounters } from './store/stats.ts';
import { freezeAndMeasure } from './store/value.ts';

/**
 * A read-through TTL cache that applies announced changes.
 *
 * Promise: a read that starts after `announce` has returned never returns a value from before the change, whatever loads
 * were running at that time. While the cache is suspended, because announcements may be missed, it serves nothing as fresh
 * and stores nothing.
 *
 * Values are JSON-safe, and frozen when they are stored. `null` means "known to be absent" and is cached.
 */
export class Cache {
  readonly secondTier: SecondTier | null;
  /** Tells what the cache holds, and what left it lately. */
  readonly inspection: CacheInspection;
  readonly #store: EntryStore;
  readonly #loads: InFlightLoads;
  readonly #filling: Filling;
  readonly #announced: AnnouncedChanges;
  readonly #log = new RemovalLog();
  readonly #removals = new RemovalListeners((error) => this.#report(error));
  readonly #clock: Clock;
  readonly #staleIfErrorMs: number;
  readonly #outage: Outage;
  readonly #sample: ServedSample | undefined;
  readonly #onError: (error: unknown) => void;
  #errors = 0;
  #suspendedAtMs: number | null = null;

  /** @throws {RangeError} when a bound or a duration is not positive */
  constructor(options: CacheOptions = {}) {
    this.secondTier = options.secondTier ?? null;
    this.#clock = options.clock ?? systemClock;
    this.#loads = new InFlightLoads(options.aroundLoad);
    this.#staleIfErrorMs = 1000 * (options.staleIfErrorSeconds ?? 60);
    this.#outage = new Outage(options.isOutage ?? (() => false));
    this.#sample = options.sample;
    this.#onError = options.onError ?? (() => {});
    this.#store = new EntryStore(options, {
      clock: this.#clock,
      removals: this.#removals,
      log: this.#log,
      onForgotten: (entry) => this.#loads.guardAgainstOlderLoads(entry),
    });
    this.#filling = new Filling({
      store: this.#store,
      loads: this.#loads,
      clock: this.#clock,
      secondTier: this.secondTier,
      isLive: () => this.isLive,
    });
    this.#announced = new AnnouncedChanges({
      store: this.#store,
      loads: this.#loads,
      clock: this.#clock,
      sample: this.#sample,
      onError: (error) => this.#report(error),
    });
    this.inspection = new CacheInspection({ store: this.#store, log: this.#log, clock: this.#clock });
  }

  /** Returns the fresh value of `key`; `null`: known to be absent; `undefined`: unknown. Counts in `layer` if unknown. */
  get(key: string, layer = 'values'): unknown {
    const entry = this.#fresh(key, this.#clock.now());
    // An entry that is held and not fresh has expired. While the cache is suspended, it may still replace a failed load.
    if (!entry && this.isLive) this.#store.delete(key, 'expired');
    this.#store.count(entry?.layer ?? layer, entry !== undefined);
    if (entry) entry.hits++;
    return entry?.value;
  }

  /**
   * Stores a value. Running loads of the key will not be stored. While the cache is suspended, only the old value leaves.
   * @throws {TypeError} when the value is not JSON-safe; the old value leaves all the same
   */
  set(key: string, value: unknown, options: StoreOptions = { layer: 'values' }): void {
    this.#loads.invalidateKey(key);
    this.#store.delete(key, 'replaced');
    const valueBytes = freezeAndMeasure(value);
    if (this.isLive) this.#store.put(key, value, options, valueBytes);
  }

  /** Removes one key and returns whether it was held. Running loads of the key will not be stored. */
  delete(key: string, origin?: RemovalOrigin): boolean {
    this.#loads.invalidateKey(key);
    return this.#log.attribute(origin, () => this.#store.delete(key, 'invalidated'));
  }

  /** Removes all entries and returns their number. Running loads will not be stored. */
  clear(origin?: RemovalOrigin): number {
    this.secondTier?.discard();
    return this.#drop(origin);
  }

  #drop(origin: RemovalOrigin | undefined): number {
    this.#sample?.forgetAnnounced();
    this.#loads.invalidateAll();
    return this.#log.attribute(origin, () => this.#store.clear());
  }

  /**
   * Removes the entries whose keys match the glob and returns their number. Running loads of such keys will not be stored.
   * @param keys receives the keys of the first entries that were removed, up to `MAX_KEYS_TOLD`
   * @throws {PatternError} when the pattern is blank, too long, or holds a control character
   */
  invalidate(pattern: string, origin?: RemovalOrigin, keys: string[] = []): number {
    const isSelected = compileGlob(pattern);
    this.secondTier?.discard();
    this.#loads.invalidateKeys(isSelected);
    const removed = this.#log.attribute(origin, () => this.#store.invalidateWhere(({ key }) => isSelected(key)));
    keys.push(...removed.slice(0, MAX_KEYS_TOLD).map(({ key }) => key));
    return removed.length;
  }

  /** Removes expired entries and returns their number. While the cache is suspended, keeps those that may replace a load. */
  cleanupExpired(): number {
    const nowMs = this.#clock.now();
    const graceMs = this.isLive ? 0 : this.#staleIfErrorMs;
    const expired = this.#store.select((entry) => entry.expiresAtMs + graceMs <= nowMs);
    for (const entry of expired) this.#store.forget(entry, 'expired');
    return expired.length;
  }

  getStats(): CacheStats {
    return this.#store.summary(this.#errors, this.secondTier?.counters);
  }

  /**
   * Registers a cache derived from this one as a layer of its own. The caller updates the counters.
   * @param values what `inspection` may tell of it; default: nothing
   */
  addDerivedLayer(name: string, values?: DerivedValues): LayerCounters {
    if (values) this.inspection.addLayer(name, values);
    return this.#store.addDerivedLayer(name);
  }

  /**
   * Calls `listener` for each entry that leaves the cache, with the cause. Removals are delivered in order, in a microtask
   * after the operation that caused them. Errors of the listener go to `onError`.
   * @returns a function that removes the listener
   */
  onRemoval(listener: RemovalListener): () => void {
    return this.#removals.add(listener);
  }

  /**
   * Creates a dependency on everything a reader found, for a value derived from it. Returns `null` if the value must not
   * be kept: the cache is suspended, or something was stale, was not stored, or has left the cache since.
   */
  dependOn(trace: ReadTrace, onEnd: OnDependencyEnd): CacheDependency | null {
    return createDependency(this, trace, onEnd);
  }

  /** Milliseconds on the cache's clock. */
  get nowMs(): number {
    return this.#clock.now();
  }

  /** Whether the cache is in use, that is, not suspended. */
  get isLive(): boolean {
    return this.#suspendedAtMs === null;
  }

  /** Changes may be missed from now on: nothing is served as fresh and nothing is stored until `resume`. */
  suspend(): void {
    this.#suspendedAtMs ??= this.#clock.now();
    this.#loads.invalidateAll();
    this.secondTier?.suspend();
  }

  /** Every change is announced from now on. Drops all entries, because earlier changes may have been missed. */
  resume(origin?: RemovalOrigin): void {
    this.#drop(origin);
    this.#suspendedAtMs = null;
    this.#outage.end();
    this.secondTier?.resume();
  }

  /**
   * Returns the cached value for `key`, or loads, stores and returns it.
   *
   * Concurrent readers share one load. A failed load is not stored. If something the value depends on changes while the
   * load runs, its readers still get the value, but it is not stored and later readers load again. If the load fails by an
   * outage, the last known value is returned during its grace, and counts as stale in the trace.
   *
   * @throws {TypeError} when `load` resolves to `undefined` or to a value that is not JSON-safe
   */
  async read<V>(key: string, load: (lease: FillLease) => Promise<V>, options: ReadOptions<V>): Promise<V> {
    const values = await this.readMany([key], async (_keys, lease) => [await load(lease)], options);
    return values[0] as V;
  }

  /**
   * Returns the values of `keys` in order. Missing keys are loaded by one call of `loadMissing`, which returns one value
   * for each key it was given, in order. Otherwise like `read`.
   */
  async readMany<V>(
    keys: readonly string[],
    loadMissing: (missing: readonly string[], lease: FillLease) => Promise<readonly V[]>,
    options: ReadOptions<V>,
  ): Promise<V[]> {
    const nowMs = this.#clock.now();
    const missing = new Map<string, number>();
    const known = keys.map((key) => {
      const source = options.reload ? undefined : (this.#fresh(key, nowMs) ?? this.#loads.joinable(key));
      // A repeated key is loaded once.
      this.#store.count(options.layer, source !== undefined || missing.has(key), options.trace);
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
      return this.#serve(source, options);
    });
  }

  /** The value that a load returned for one of its keys, or the stale value that replaces it. */
  #take<V>(key: string, { placeOf }: PendingLoad, result: LoadResult, options: ReadOptions<V>): V {
    if ('error' in result) return this.#staleOr(key, result.error, options);
    const place = placeOf.get(key)!;
    const entry = result.entries[place]!;
    if (entry) this.#sample?.note(entry);
    options.trace?.add(key, entry);
    return result.values[place] as V;
  }

  /** Returns the fresh value of `key` without a promise. `undefined` counts no miss, because the caller goes on to `read`. */
  findHeld<V>(key: string, options: Pick<ReadOptions<V>, 'layer' | 'reload' | 'trace'>): V | undefined {
    if (options.reload) return undefined;
    const entry = this.#fresh(key, this.#clock.now());
    return entry && this.#hit(entry, options);
  }

  /** Returns the value of an entry that `FillLease.prime` returned; `undefined` if the entry has left the cache. */
  readPrimed<V>(entry: Entry, options: Pick<ReadOptions<V>, 'layer' | 'trace'>): V | undefined {
    return this.isLive && entry.isHeld ? this.#hit(entry, options) : undefined;
  }

  #hit<V>(entry: Entry, options: Pick<ReadOptions<V>, 'layer' | 'trace'>): V {
    this.#store.count(options.layer, true, options.trace);
    return this.#serve(entry, options);
  }

  #serve<V>(entry: Entry, { trace }: Pick<ReadOptions<V>, 'trace'>): V {
    entry.hits++;
    this.#sample?.note(entry);
    trace?.add(entry.key, entry);
    return entry.value as V;
  }

  /** Notes that a value derived from entries was served, as if they had been read together. */
  noteServed({ entries }: Pick<CacheDependency, 'entries'>): void {
    this.#sample?.noteTogether(entries);
  }

  /**
   * Applies a committed change. A held record is replaced in place if the announcement carries newer content, and dropped
   * if it carries none. A value with one of the tags is dropped if the change affects it, or evolves. Running loads of records
   * and values that would be dropped will not be stored, and later readers do not share them. Never throws.
   */
  announce({ records, tags, change }: Announcement, origin?: RemovalOrigin): void {
    this.#log.attribute(origin, () => {
      for (const record of records) this.#announced.applyToRecord(record, this.isLive);
      this.secondTier?.announce(records);
      this.#announced.applyToTagged(tags, change, this.isLive);
    });
  }

  #load<V>(
    placeOf: ReadonlyMap<string, number>,
    loadMissing: (missing: readonly string[], lease: FillLease) => Promise<readonly V[]>,
    options: ReadOptions<V>,
    startedAtMs: number,
  ): PendingLoad {
    // In an outage each reader waits for one timeout at most, not for one per load.
    if (!this.isLive && this.#outage.isOn(startedAtMs)) {
      return { placeOf, ended: Promise.resolve({ error: this.#outage.error }) };
    }
    const keys = [...placeOf.keys()];
    const dependent = { ...dependentOf(keys, options), isInvalidated: !this.isLive, startedAtMs };
    return this.#loads.begin(placeOf, dependent, async (load) => {
      const values = await loadMissing(keys, this.#filling.leaseOf(load));
      if (values.length !== keys.length) {
        throw new TypeError(`The load was asked for ${keys.length} values and gave ${values.length}.`);
      }
      this.#outage.end();
      const kept = values.map((value, place) => this.#keepLoaded(load, keys[place]!, value, options));
      return { values: kept.map(({ value }) => value), entries: kept.map(({ entry }) => entry) };
    });
  }

  /** Stores a value that a load was asked for, if its lease allows; returns what readers get, and the entry that holds it. */
  #keepLoaded<V>(load: Load, key: string, loaded: V, options: ReadOptions<V>): { value: unknown; entry: Entry | null } {
    const { value, isKnown } = this.#announced.replay(load, key, loaded);
    const valueBytes = measureEvolving(value, options);
    const version = value === null ? undefined : options.versionOf?.(value as V);
    if (!isKnown || !this.#loads.mayStoreResult(load, key) || this.#loads.isOutdated(load, key, version)) {
      this.#supersede(key, version, options);
      return { value, entry: null };
    }
    const held = options.evolution && this.#fresh(key, this.#clock.now());
    if (held && options.evolution?.isOlder(value as V, held.value as V)) return { value: held.value, entry: held };
    return { value, entry: this.#filling.keep(key, value, storeOptionsOf(key, version, options), valueBytes) };
  }

  /**
   * Handles a value that readers get although it may not be stored. It may be newer than the held entry and than what other
   * loads of the key found, and a reader who has seen it must not get an older value afterwards.
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
    // While the cache is suspended, the held value may still replace a failed load; but not a record that was just seen
    // newer, or gone.
    if (this.isLive || versionOf) this.#store.delete(key, 'invalidated');
  }

  #fresh(key: string, nowMs: number): Entry | undefined {
    if (!this.isLive) return undefined;
    const entry = this.#store.get(key);
    if (!entry || entry.expiresAtMs > nowMs) return entry;
    // Kept, in case that the load fails by an outage.
    this.#loads.guardAgainstOlderLoads(entry);
    return undefined;
  }

  /** Returns the last known value during its grace if `error` is an outage; otherwise throws `error`. */
  #staleOr<V>(key: string, error: unknown, { trace }: ReadOptions<V>): V {
    const nowMs = this.#clock.now();
    const entry = this.#outage.note(error, nowMs) ? this.#store.peek(key) : undefined;
    if (!entry) throw error;
    const freshUntilMs = Math.min(entry.expiresAtMs, this.#suspendedAtMs ?? Number.POSITIVE_INFINITY);
    if (nowMs >= freshUntilMs + this.#staleIfErrorMs) throw error;
    trace?.addStale(key);
    return entry.value as V;
  }

  #report(error: unknown): void {
    this.#errors++;
    this.#onError(error);
  }
}
