import type { Entry } from './entry.ts';

/** Where dependencies ask; part of `Cache`. */
export interface CacheDependencySource {
  readonly isLive: boolean;
  readonly nowMs: number;
}

/**
 * Vouches for something that was made from what one reader found: as long as it is valid, another reader would find the
 * same. It is void for good once one of the entries has left the cache, or the maker has let go of it.
 */
export class CacheDependency {
  /** When the first of the entries expires, on the cache's clock. */
  readonly expiresAtMs: number;
  readonly #source: CacheDependencySource;
  readonly #entries: readonly Entry[];
  readonly #onVoid: () => void;
  #isVoid = false;

  /**
   * @param entries what was read; one may come twice
   * @param onVoid called once, when the dependency becomes void
   */
  constructor(source: CacheDependencySource, entries: readonly Entry[], onVoid: () => void) {
    this.#source = source;
    // A copy has no room for more than it holds, as a list that grew has.
    this.#entries = entries.slice();
    this.#onVoid = onVoid;
    let expiresAtMs = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      expiresAtMs = Math.min(expiresAtMs, entry.expiresAtMs);
      attach(this, entry);
    }
    this.expiresAtMs = expiresAtMs;
  }

  get isValid(): boolean {
    return !this.#isVoid && this.#source.isLive && this.#source.nowMs < this.expiresAtMs;
  }

  /** How many reads it was made from. */
  get size(): number {
    return this.#entries.length;
  }

  /** What it was made from, each once. */
  get keys(): string[] {
    return [...new Set(this.#entries.map(({ key }) => key))];
  }

  void(): void {
    if (this.#isVoid) return;
    this.#isVoid = true;
    for (const entry of this.#entries) detach(this, entry);
    this.#onVoid();
  }
}

/** To be called when an entry leaves. */
export function endDependentsOf({ dependencies }: Entry): void {
  if (dependencies instanceof Set) for (const dependency of [...dependencies]) dependency.void();
  else dependencies?.void();
}

/** Most entries have one dependency at most, and a set would be larger than all the rest of such an entry. */
function attach(dependency: CacheDependency, entry: Entry): void {
  const { dependencies } = entry;
  // The same, when the entry was read twice.
  if (dependencies === undefined || dependencies === dependency) entry.dependencies = dependency;
  else if (dependencies instanceof Set) dependencies.add(dependency);
  else entry.dependencies = new Set([dependencies, dependency]);
}

function detach(dependency: CacheDependency, entry: Entry): void {
  const { dependencies } = entry;
  if (dependencies instanceof Set) dependencies.delete(dependency);
  else if (dependencies === dependency) entry.dependencies = undefined;
}
