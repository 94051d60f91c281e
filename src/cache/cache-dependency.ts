import type { ReadTrace } from './read-trace.ts';
import type { Entry, EntryDependency } from './store/entry.ts';
import type { RemovalCause } from './store/removal-cause.ts';

/** The part of `Cache` that dependencies ask. */
export interface CacheDependencySource {
  readonly isLive: boolean;
  readonly nowMs: number;
}

/**
 * Called once, synchronously, when a dependency ends. It must not write to the cache.
 * @param cause why the first entry left the cache; `undefined`: the owner ended the dependency
 * @param entry that entry
 */
export type OnDependencyEnd = (cause: RemovalCause | undefined, entry?: Entry) => void;

/**
 * The dependency of a derived value, such as a serialized response, on the entries it was made from.
 *
 * While `isValid` is true, deriving the value again would read the same entries. The dependency ends for good when the
 * first of its entries leaves the cache, or when the owner calls `end`.
 */
export class CacheDependency implements EntryDependency {
  /** When the first of the entries expires, in milliseconds on the cache's clock. */
  readonly expiresAtMs: number;
  readonly #source: CacheDependencySource;
  /** What was read, with repeats. */
  readonly entries: readonly Entry[];
  readonly #onEnd: OnDependencyEnd;
  #isEnded = false;

  /** @param entries the entries that were read, with repeats */
  constructor(source: CacheDependencySource, entries: readonly Entry[], onEnd: OnDependencyEnd) {
    this.#source = source;
    // The copy has no spare capacity, which an array that grew by `push` has.
    this.entries = entries.slice();
    this.#onEnd = onEnd;
    let expiresAtMs = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      expiresAtMs = Math.min(expiresAtMs, entry.expiresAtMs);
      attach(this, entry);
    }
    this.expiresAtMs = expiresAtMs;
  }

  /** Whether the derived value may be served now. `false` while the cache is suspended. */
  get isValid(): boolean {
    return !this.#isEnded && this.#source.isLive && this.#source.nowMs < this.expiresAtMs;
  }

  /** The number of reads, with repeats. */
  get size(): number {
    return this.entries.length;
  }

  /** The keys of the entries, without repeats. */
  get keys(): string[] {
    return [...new Set(this.entries.map(({ key }) => key))];
  }

  /** Ends the dependency. Further calls do nothing. */
  end(cause?: RemovalCause, left?: Entry): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const entry of this.entries) detach(this, entry);
    this.#onEnd(cause, left);
  }
}

/** See `Cache.dependOn`. */
export function createDependency(
  source: CacheDependencySource,
  { entries }: ReadTrace,
  onEnd: OnDependencyEnd,
): CacheDependency | null {
  if (!source.isLive) return null;
  const { nowMs } = source;
  for (const entry of entries) if (!entry?.isHeld || entry.expiresAtMs <= nowMs) return null;
  return new CacheDependency(source, entries as readonly Entry[], onEnd);
}

/** Ends everything that was derived from an entry. Call when the entry has left the store. */
export function endDependenciesOf(entry: Entry, cause: RemovalCause): void {
  const { dependencies } = entry;
  if (dependencies instanceof Set) for (const dependency of [...dependencies]) dependency.end(cause, entry);
  else dependencies?.end(cause, entry);
}

/** How many derived values depend on an entry. */
export function countDependents({ dependencies }: Entry): number {
  return dependencies instanceof Set ? dependencies.size : Number(dependencies !== undefined);
}

function attach(dependency: CacheDependency, entry: Entry): void {
  const { dependencies } = entry;
  // An entry that was read twice has the dependency already.
  if (dependencies === undefined || dependencies === dependency) entry.dependencies = dependency;
  else if (dependencies instanceof Set) dependencies.add(dependency);
  else entry.dependencies = new Set([dependencies, dependency]);
}

function detach(dependency: CacheDependency, entry: Entry): void {
  const { dependencies } = entry;
  if (dependencies instanceof Set) dependencies.delete(dependency);
  else entry.dependencies = undefined;
}
