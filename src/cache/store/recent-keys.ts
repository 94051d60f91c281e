/**
 * What is known of keys until no running load began before it was learned.
 *
 * Two maps alternate, so that forgetting is dropping a map. Keys that are deleted from a map one by one remain in the tables
 * that it has outgrown, and those in memory until the next full garbage collection.
 */
export class RecentKeys<Known> {
  #newer = new Map<string, Known>();
  #older = new Map<string, Known>();
  /** The sequence number of the last thing in the older map. */
  #olderUntil = 0;

  get isEmpty(): boolean {
    return this.#newer.size === 0 && this.#older.size === 0;
  }

  get(key: string): Known | undefined {
    return this.#newer.get(key) ?? this.#older.get(key);
  }

  set(key: string, known: Known): void {
    this.#newer.set(key, known);
  }

  /**
   * Forgets what was learned before all running loads began; some of it only the next time.
   * @param begun the sequence number at which the oldest running load began
   * @param last that of the last thing learned
   */
  forget(begun: number, last: number): void {
    if (this.isEmpty || this.#olderUntil > begun) return;
    this.#older = last > begun ? this.#newer : new Map();
    this.#newer = new Map();
    this.#olderUntil = last;
  }
}
