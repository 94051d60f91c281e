import type { AroundLoad } from './contract.ts';
import type { Dependent, Entry } from './store/entry.ts';
import { RecentKeys } from './store/recent-keys.ts';
import { TagIndex } from './store/tag-index.ts';

/** One running call of a loader, for one or more keys. */
export interface Load extends Dependent {
  readonly layer: string;
  readonly keys: readonly string[];
  readonly pending: PendingLoad;
  /** The sequence number of the last change that the load is sure to see. */
  readonly startedAt: number;
  readonly startedAtMs: number;
  /** Whether nothing of this load may be stored. */
  isInvalidated: boolean;
  /** Whether the values it was asked for may not be stored. Records it primes may, each by its own key. */
  isResultInvalidated: boolean;
  /** Predicates that select keys which may not be stored, asked for or primed. */
  readonly invalidatedKeys: ((key: string) => boolean)[];
  /** The changes that its values have to be brought up to date with (`Evolution`): all until it was invalidated, in order. */
  readonly changes: unknown[];
}

/** The part of a load that its readers use. */
export interface PendingLoad {
  /** The index of each key in the result. */
  readonly placeOf: ReadonlyMap<string, number>;
  /** Never rejects. */
  readonly ended: Promise<LoadResult>;
}

/** What remains of a load that has ended, see `InFlightLoads`. */
const ENDED: Pick<Load, keyof Dependent | 'keys' | 'pending' | 'invalidatedKeys' | 'changes'> = {
  keys: [],
  tags: [],
  isAffectedBy: undefined,
  evolution: undefined,
  pending: { placeOf: new Map(), ended: Promise.resolve({ error: new Error('The load has ended.') }) },
  invalidatedKeys: [],
  changes: [],
};

/** The result of a load: its values and the entries that hold them (`null`: not stored), in the order of the keys. */
export type LoadResult =
  | { readonly values: readonly unknown[]; readonly entries: readonly (Entry | null)[] }
  | { readonly error: unknown };

/** The most changes that are remembered for one load. */
export const MAX_REPLAYED = 1000;

/**
 * The running loads, and the changes that invalidate what they will return.
 *
 * Every change gets the next number of a sequence. A load remembers the number at which it began, so "changed since the load
 * began" is one comparison. The number of a changed key is kept while an older load is running.
 *
 * A load that ends is emptied. A set or a map from which V8 has removed an object refers to it from the tables that it has
 * outgrown, and once one of these is in the old generation, all later ones stay in memory until the next full garbage
 * collection, with everything that their objects refer to.
 */
export class InFlightLoads {
  readonly #running = new Set<Load>();
  readonly #joinable = new Map<string, Load>();
  readonly #tagged = new TagIndex<Load>();
  readonly #changedAt = new RecentKeys<number>();
  /** The newest version of each key that a reader was given although it was not stored. */
  readonly #minimumVersions = new RecentKeys<{ readonly version: number; readonly at: number }>();
  #sequence = 0;
  readonly #aroundLoad: AroundLoad;

  constructor(aroundLoad: AroundLoad = (_layer, _keys, load) => load()) {
    this.#aroundLoad = aroundLoad;
  }

  /**
   * Registers a load, then runs it, so that no change is missed in between. Later readers may join it until a change
   * invalidates it.
   * @param placeOf the keys in order, each with its index
   * @param run returns the result; an error it throws becomes the result
   */
  begin(
    placeOf: ReadonlyMap<string, number>,
    dependent: Dependent & Pick<Load, 'layer' | 'isInvalidated' | 'startedAtMs'>,
    run: (load: Load) => Promise<LoadResult>,
  ): PendingLoad {
    const { promise: ended, resolve } = Promise.withResolvers<LoadResult>();
    const pending = { placeOf, ended };
    const load: Load = {
      ...dependent,
      keys: [...placeOf.keys()],
      pending,
      startedAt: this.#sequence,
      isResultInvalidated: false,
      invalidatedKeys: [],
      changes: [],
    };
    this.#running.add(load);
    this.#tagged.add(load);
    if (!load.isInvalidated) for (const key of load.keys) this.#joinable.set(key, load);
    this.#run(load, run).then(resolve);
    return pending;
  }

  async #run(load: Load, run: (load: Load) => Promise<LoadResult>): Promise<LoadResult> {
    try {
      return await this.#aroundLoad(load.layer, load.keys, () => run(load));
    } catch (error) {
      return { error };
    } finally {
      this.#end(load);
    }
  }

  /** The running load of `key` that a new reader may share. */
  joinable(key: string): PendingLoad | undefined {
    return this.#joinable.get(key)?.pending;
  }

  /** Whether the value that `load` found for `key`, which it was asked for, may be stored. */
  mayStoreResult(load: Load, key: string): boolean {
    return !load.isResultInvalidated && this.mayPrime(load, key);
  }

  /** Whether a record that `load` found may be stored. Never after its end, because changes since its start are forgotten. */
  mayPrime(load: Load, key: string): boolean {
    if (!this.#running.has(load) || load.isInvalidated) return false;
    for (const isSelected of load.invalidatedKeys) if (isSelected(key)) return false;
    return this.#changedAt.isEmpty || (this.#changedAt.get(key) ?? 0) <= load.startedAt;
  }

  /** Prevents loads that are running from storing or sharing anything older than `version`. */
  rememberVersion(key: string, version: number): void {
    const known = this.#minimumVersions.get(key)?.version ?? 0;
    this.#minimumVersions.set(key, { version: Math.max(version, known), at: ++this.#sequence });
    this.#joinable.delete(key);
  }

  /** Whether a running load began before the entry was stored, and may therefore return an older value. */
  hasLoadOlderThan({ storedAtMs }: Entry): boolean {
    const [oldest] = this.#running;
    return oldest !== undefined && oldest.startedAtMs <= storedAtMs;
  }

  /** Prevents loads that began before the entry was stored from storing or sharing an older value once it is not held. */
  guardAgainstOlderLoads(entry: Entry): void {
    if (this.hasLoadOlderThan(entry)) this.#guard(entry.key, entry.version);
  }

  /** Prevents other running loads from storing or sharing an older value of a record that a reader gets unstored. */
  guardUnstored(key: string, version: number | undefined): void {
    if (this.#running.size > 1) this.#guard(key, version);
  }

  #guard(key: string, version: number | undefined): void {
    if (version === undefined) this.invalidateKey(key);
    else this.rememberVersion(key, version);
  }

  /** Whether `version` is older than one that a reader has seen. Absence (`undefined`) is: it may predate the row. */
  isOutdated(load: Load, key: string, version: number | undefined): boolean {
    const minimum = this.#minimumVersions.isEmpty ? undefined : this.#minimumVersions.get(key);
    if (!minimum || minimum.at <= load.startedAt) return false;
    return version === undefined || version < minimum.version;
  }

  #end(load: Load): void {
    this.#running.delete(load);
    this.#tagged.remove(load);
    this.#unshare(load);
    Object.assign(load, ENDED);
    const [oldest] = this.#running;
    const begun = oldest?.startedAt ?? this.#sequence;
    this.#changedAt.forget(begun, this.#sequence);
    this.#minimumVersions.forget(begun, this.#sequence);
  }

  /** Prevents running loads from storing or sharing a value of `key`. */
  invalidateKey(key: string): void {
    this.#sequence++;
    if (this.#running.size === 0) return;
    this.#changedAt.set(key, this.#sequence);
    this.#joinable.delete(key);
  }

  /**
   * Prevents running loads with the tag from storing or sharing their results, if `isAffected` says so. Others whose values
   * evolve remember the change; invalidated ones do not, because earlier changes may have been missed.
   */
  announceTagged(tag: string, change: unknown, isAffected: (load: Load) => boolean): void {
    for (const load of this.#tagged.tagged(tag)) {
      if (load.isInvalidated || load.isResultInvalidated) continue;
      if (!isAffected(load) && !this.#isOverfull(load, change)) continue;
      load.isResultInvalidated = true;
      this.#unshare(load);
    }
  }

  #isOverfull({ evolution, changes }: Load, change: unknown): boolean {
    // A load with several of the tags is told several times.
    if (!evolution || (changes.length > 0 && changes.at(-1) === change)) return false;
    return changes.push(change) > MAX_REPLAYED;
  }

  /** The keys that a load will prime are not known yet, so the load keeps the predicate. */
  invalidateKeys(isSelected: (key: string) => boolean): void {
    for (const load of this.#running) load.invalidatedKeys.push(isSelected);
    for (const key of this.#joinable.keys()) {
      if (isSelected(key)) this.#joinable.delete(key);
    }
  }

  /** Prevents all running loads from storing or sharing anything. */
  invalidateAll(): void {
    for (const load of this.#running) load.isInvalidated = true;
    this.#joinable.clear();
  }

  #unshare(load: Load): void {
    for (const key of load.keys) {
      if (this.#joinable.get(key) === load) this.#joinable.delete(key);
    }
  }
}
