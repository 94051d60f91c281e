/** A member of an `LruList`, which sets the two fields. */
export interface LruNode<Node> {
  newer: Node | null;
  older: Node | null;
}

/**
 * A doubly linked list of its members, from the most to the least recently used. A node is a member of one list at most.
 *
 * The links are fields of the members, because both caches refer to the members themselves. That is 1.1 to 1.4 times as fast
 * as the arrays of lru-cache (docs/decisions/07-lru-list.md).
 */
export class LruList<Node extends LruNode<Node>> {
  #newest: Node | null = null;
  #oldest: Node | null = null;

  get oldest(): Node | null {
    return this.#oldest;
  }

  /** Adds a node, which is in no list, as the newest. */
  add(node: Node): void {
    node.older = this.#newest;
    if (this.#newest) this.#newest.newer = node;
    else this.#oldest = node;
    this.#newest = node;
  }

  /** Makes a member the newest. */
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
