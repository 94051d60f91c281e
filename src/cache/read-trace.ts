/** What one reader found. The reader's own object, added to by every read it is passed to. */
export class ReadTrace {
  hits = 0;
  misses = 0;
  /** Values served past their trust, or their time, because they could not be loaded. */
  stale = 0;
  /** What was read under which key; a key may come twice. */
  readonly keys: string[] = [];
  readonly values: unknown[] = [];

  add(key: string, value: unknown): void {
    this.keys.push(key);
    this.values.push(value);
  }

  /** The figures alone, for logs and answers. */
  toJSON() {
    const { hits, misses, stale } = this;
    return { hits, misses, stale };
  }
}
