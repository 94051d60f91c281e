/** Finds the items that carry a tag. Adding and removing an item costs one step for each of its tags. */
export class TagIndex<T extends { readonly tags: readonly string[] }> {
  readonly #byTag = new Map<string, Set<T>>();

  add(item: T): void {
    for (const tag of item.tags) {
      const tagged = this.#byTag.get(tag);
      if (tagged) tagged.add(item);
      else this.#byTag.set(tag, new Set([item]));
    }
  }

  remove(item: T): void {
    for (const tag of item.tags) {
      const tagged = this.#byTag.get(tag);
      tagged?.delete(item);
      if (tagged?.size === 0) this.#byTag.delete(tag);
    }
  }

  /** A copy, because callers remove items while they iterate. */
  tagged(tag: string): T[] {
    const tagged = this.#byTag.get(tag);
    return tagged ? [...tagged] : [];
  }
}
