import type { Dependent, Entry } from './entry.ts';
import { TagIndex } from './tag-index.ts';

/** One call of a loader, for one or several keys. */
export interface Load extends Dependent {
  readonly keys: readonly string[];
  /** Where each key stands among them. */
  readonly placeOf: ReadonlyMap<string, number>;
  /** Never rejects. */
  readonly ended: Promise<LoadResult>;
  /** The number of the last change that the load is sure to see. */
  readonly startedAt: number;
  readonly startedAtMs: number;
  /** Nothing of it may be stored. */
  isInvalidated: boolean;
  /** What it was asked for may not be stored; records it brings along may, each by its own key. */
  isResultInvalidated: boolean;
  /** Select keys that may not be stored, asked for or brought along. */
  readonly invalidatedKeys: ((key: string) => boolean)[];
}

/** A load as those see it who wait for it. */
export type PendingLoad = Pick<Load, 'ended' | 'placeOf'>;

/** What came of a load: its values in the order of the keys, and as what each was stored (`null`: it was not). */
export type LoadResult =
  | { readonly values: readonly unknown[]; readonly entries: readonly (Entry | null)[] }
  | { readonly error: unknown };

/**
 * The loads that are running, and what overtook them.
 *
 * Every announced change gets the next number of a sequence. A load remembers the number at which it began, so "changed
 * since the load began" is one comparison. The numbers of changed keys are kept only while a load runs that is older.
 */
export class InFlightLoads {
  readonly #running = new Set<Load>();
  readonly #joinable = new Map<string, Load>();
  readonly #tagged = new TagIndex<Load>();
  readonly #changedAt = new Map<string, number>();
  /** The newest version of a key that a reader was given although it was not stored. */
  readonly #minimumVersions = new Map<string, { readonly version: number; readonly at: number }>();
  #sequence = 0;

  /**
   * Registers a load, then runs it: no change can slip in between. Readers who come later may join it until something
   * overtakes it.
   * @param placeOf the keys in order, with their places
   * @param run gives what came of it; if it throws, that is the result
   */
  begin(
    placeOf: ReadonlyMap<string, number>,
    dependent: Dependent & Pick<Load, 'isInvalidated' | 'startedAtMs'>,
    run: (load: Load) => Promise<LoadResult>,
  ): Load {
    const { promise: ended, resolve } = Promise.withResolvers<LoadResult>();
    const load: Load = {
      ...dependent,
      keys: [...placeOf.keys()],
      placeOf,
      ended,
      startedAt: this.#sequence,
      isResultInvalidated: false,
      invalidatedKeys: [],
    };
    this.#running.add(load);
    this.#tagged.add(load);
    if (!load.isInvalidated) for (const key of load.keys) this.#joinable.set(key, load);
    this.#run(load, run).then(resolve);
    return load;
  }

  async #run(load: Load, run: (load: Load) => Promise<LoadResult>): Promise<LoadResult> {
    try {
      return await run(load);
    } catch (error) {
      return { error };
    } finally {
      this.#end(load);
    }
  }

  /** The load of `key` that a reader who comes now may share. */
  joinable(key: string): Load | undefined {
    return this.#joinable.get(key);
  }

  mayStoreResult(load: Load, key: string): boolean {
    return !load.isResultInvalidated && this.mayPrime(load, key);
  }

  /** A load that has ended may not: what changed since it began is forgotten. */
  mayPrime(load: Load, key: string): boolean {
    if (!this.#running.has(load) || load.isInvalidated) return false;
    for (const isSelected of load.invalidatedKeys) if (isSelected(key)) return false;
    return this.#changedAt.size === 0 || (this.#changedAt.get(key) ?? 0) <= load.startedAt;
  }

  /** Keeps what is older than `version` from being stored or shared, as far as loads bring it that run already. */
  rememberVersion(key: string, version: number): void {
    const known = this.#minimumVersions.get(key)?.version ?? 0;
    this.#minimumVersions.delete(key);
    this.#minimumVersions.set(key, { version: Math.max(version, known), at: ++this.#sequence });
    this.#joinable.delete(key);
  }

  /** Whether a load is running that began before an entry was stored, and may bring what was there before it. */
  precede({ storedAtMs }: Entry): boolean {
    const [oldest] = this.#running;
    return oldest !== undefined && oldest.startedAtMs <= storedAtMs;
  }

  /** Keeps such loads from storing or sharing something older, now that the entry is not there to be compared with. */
  outlive(entry: Entry): void {
    if (!this.precede(entry)) return;
    if (entry.version === undefined) this.invalidateKey(entry.key);
    else this.rememberVersion(entry.key, entry.version);
  }

  /** Absence, which has no version, is below every minimum: it may be from before the row was made. */
  isOutdated(load: Load, key: string, version: number | undefined): boolean {
    const minimum = this.#minimumVersions.size === 0 ? undefined : this.#minimumVersions.get(key);
    if (!minimum || minimum.at <= load.startedAt) return false;
    return version === undefined || version < minimum.version;
  }

  #end(load: Load): void {
    this.#running.delete(load);
    this.#tagged.remove(load);
    this.#unshare(load);
    this.#forgetChangesNoLoadPrecedes();
  }

  invalidateKey(key: string): void {
    this.#sequence++;
    if (this.#running.size === 0) return;
    // Removed first, so that the map stays in the order of the last change.
    this.#changedAt.delete(key);
    this.#changedAt.set(key, this.#sequence);
    this.#joinable.delete(key);
  }

  invalidateTagged(tag: string, isAffected: (load: Load) => boolean): void {
    for (const load of this.#tagged.tagged(tag)) {
      if (load.isResultInvalidated || !isAffected(load)) continue;
      load.isResultInvalidated = true;
      this.#unshare(load);
    }
  }

  /** Which records a load will bring along is not known yet, so it remembers what to ask about them. */
  invalidateKeys(isSelected: (key: string) => boolean): void {
    for (const load of this.#running) load.invalidatedKeys.push(isSelected);
    for (const key of this.#joinable.keys()) {
      if (isSelected(key)) this.#joinable.delete(key);
    }
  }

  invalidateAll(): void {
    for (const load of this.#running) load.isInvalidated = true;
    this.#joinable.clear();
  }

  #unshare(load: Load): void {
    for (const key of load.keys) {
      if (this.#joinable.get(key) === load) this.#joinable.delete(key);
    }
  }

  #forgetChangesNoLoadPrecedes(): void {
    const [oldest] = this.#running;
    const isOver = (at: number) => !oldest || at <= oldest.startedAt;
    for (const [key, at] of this.#changedAt) {
      if (!isOver(at)) break;
      this.#changedAt.delete(key);
    }
    for (const [key, { at }] of this.#minimumVersions) {
      if (!isOver(at)) break;
      this.#minimumVersions.delete(key);
    }
  }
}
