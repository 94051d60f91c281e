import { LRUCache } from 'lru-cache';
import type { Entry } from './entry.ts';
import { type LayerCounters, summarize } from './stats.ts';
import { TagIndex } from './tag-index.ts';
import { voidVouchersOf } from './voucher.ts';

export interface EntryStoreBounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** The entries themselves, bounded in number and bytes, found by key or by tag, and counted by layer. */
export class EntryStore {
  readonly #entries: LRUCache<string, Entry>;
  readonly #tagged = new TagIndex<Entry>();
  readonly #maxEntries: number;
  readonly #layers = new Map<string, LayerCounters>();

  constructor({ maxEntries, maxBytes }: EntryStoreBounds) {
    this.#maxEntries = maxEntries;
    // Without its own bound on entries, for which it would take all the room at once, and fill it again when emptied.
    this.#entries = new LRUCache<string, Entry>({
      maxSize: maxBytes,
      sizeCalculation: (entry) => entry.bytes,
      onInsert: (entry) => {
        this.#tagged.add(entry);
        this.counters(entry.layer).size++;
      },
      dispose: (entry, _key, reason) => {
        this.#tagged.remove(entry);
        voidVouchersOf(entry);
        const counters = this.counters(entry.layer);
        counters.size--;
        if (reason === 'evict') counters.evictions++;
      },
    });
  }

  counters(layer: string): LayerCounters {
    let counters = this.#layers.get(layer);
    if (!counters) {
      counters = { hits: 0, misses: 0, size: 0, evictions: 0 };
      this.#layers.set(layer, counters);
    }
    return counters;
  }

  /** Finds an entry and marks it as recently used, expired or not. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Finds an entry without marking it as used. */
  peek(key: string): Entry | undefined {
    return this.#entries.peek(key);
  }

  tagged(tag: string): Entry[] {
    return this.#tagged.tagged(tag);
  }

  /** An entry larger than the whole bound is not kept, and what it would have replaced leaves all the same. */
  set(entry: Entry): void {
    // Deleted first, so that the tags of the replaced entry leave the index before those of the new one enter.
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
    while (this.#entries.size > this.#maxEntries) this.#entries.pop();
  }

  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  /** Removes every entry that `isSelected` accepts and returns how many there were. */
  deleteWhere(isSelected: (entry: Entry) => boolean): number {
    const selected = [...this.#entries.values()].filter(isSelected);
    for (const entry of selected) this.#entries.delete(entry.key);
    return selected.length;
  }

  get size(): number {
    return this.#entries.size;
  }

  summary(errors: number, others: ReadonlyMap<string, LayerCounters>) {
    return summarize(this.#layers, { bytes: this.#entries.calculatedSize, errors }, others);
  }
}
