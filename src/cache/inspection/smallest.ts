/** Keeps the smallest of many items, in room for few. */
export class Smallest<T> {
  readonly #limit: number;
  readonly #compare: (one: T, other: T) => number;
  readonly #items: T[] = [];
  /** Whether `#items` begins with the smallest ones in order, so that its last of them bounds what comes. */
  #bound: T | undefined;

  constructor(limit: number, compare: (one: T, other: T) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  add(item: T): void {
    if (this.#bound !== undefined && this.#compare(item, this.#bound) >= 0) return;
    this.#items.push(item);
    // Sorted once for as many items as are kept: the larger half leaves.
    if (this.#items.length === 2 * this.#limit) this.#settle();
  }

  /** Returns them in order. */
  take(): readonly T[] {
    this.#settle();
    return this.#items;
  }

  #settle(): void {
    this.#items.sort(this.#compare);
    if (this.#items.length < this.#limit) return;
    this.#items.length = this.#limit;
    this.#bound = this.#items.at(-1);
  }
}
