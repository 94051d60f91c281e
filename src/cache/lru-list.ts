/** What has a place in an order of use. */
export interface LruNode<Node> {
  newer: Node | null;
  older: Node | null;
}

/**
 * The order in which things were used: a list through the things themselves, from the newest to the oldest. Kept beside
 * them, as lru-cache keeps it, it would take 1.4 times as long to store an entry and push another one out.
 */
export class LruList<Node extends LruNode<Node>> {
  #newest: Node | null = null;
  #oldest: Node | null = null;

  get oldest(): Node | null {
    return this.#oldest;
  }

  add(node: Node): void {
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
  }

  /** Makes it the newest. */
  touch(node: Node): void {
    if (node === this.#newest) return;
    this.remove(node);
    this.add(node);
  }

  remove(node: Node): void {
    const { newer, older } = node;
    if (newer) newer.older = older;
    else this.#newest = older;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    node.newer = null;
    node.older = null;
  }
}
