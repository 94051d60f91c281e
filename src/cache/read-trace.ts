import type { Entry } from './store/entry.ts';

/** What one reader found. The reader creates it, and each read that it is passed to adds to it. */
export class ReadTrace {
  hits = 0;
  misses = 0;
  /** Values served after their expiry, or while the cache is suspended, because their load failed. */
  stale = 0;
  /** The keys that were read, with repeats. */
  readonly keys: string[] = [];
  /** The entry read under each key; `null` for a value that was not stored. */
  readonly entries: (Entry | null)[] = [];

  add(key: string, entry: Entry | null): void {
    this.keys.push(key);
    this.entries.push(entry);
  }

  /** Adds a value that replaces a failed load. Nothing may be derived from it. */
  addStale(key: string): void {
    this.stale++;
    this.add(key, null);
  }

  /** The counters alone, for logs and responses. */
  toJSON() {
    const { hits, misses, stale } = this;
    return { hits, misses, stale };
  }
}
