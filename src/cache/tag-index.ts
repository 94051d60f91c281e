/** Finds what carries a tag without looking at what does not. */
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

  /** A copy, because those who ask for it go on to remove what they were given. */
  tagged(tag: string): T[] {
    const tagged = this.#byTag.get(tag);
    return tagged ? [...tagged] : [];
  }
}
