import type { Entry } from './entry.ts';

/** What one reader found. The reader's own object, added to by every read it is passed to. */
export class ReadTrace {
  hits = 0;
  misses = 0;
  /** Values served past their trust, or their time, because they could not be loaded. */
  stale = 0;
  /** The keys that were read; one may come twice. */
  readonly keys: string[] = [];
  /** What was found under each key; `null` for a value that was not stored. */
  readonly entries: (Entry | null)[] = [];

  add(key: string, entry: Entry | null): void {
    this.keys.push(key);
    this.entries.push(entry);
  }

  /** The figures alone, for logs and answers. */
  toJSON() {
    const { hits, misses, stale } = this;
    return { hits, misses, stale };
  }
}
