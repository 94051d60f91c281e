/** Which transactions had ended when a statement began: `pg_current_snapshot()`, as text. */
export class Snapshot {
  readonly #xmin: bigint;
  readonly #xmax: bigint;
  /** Those between the two that were running. */
  readonly #running: ReadonlySet<string>;

  /** @param text `xmin:xmax:xip,xip,…` (PostgreSQL, "Transaction ID and Snapshot Information Functions") */
  constructor(text: string) {
    const [xmin, xmax, running = ''] = text.split(':');
    this.#xmin = BigInt(xmin!);
    this.#xmax = BigInt(xmax!);
    this.#running = new Set(running.split(','));
  }

  /**
   * Whether a transaction had ended before the snapshot was taken.
   * @param xid as `pg_current_xact_id()` gives it
   */
  sees(xid: string): boolean {
    const id = BigInt(xid);
    if (id < this.#xmin) return true;
    return id < this.#xmax && !this.#running.has(xid);
  }

  /** Completes the lower 32 bits of the id of a transaction, which began within two billion of those that this one knows. */
  widen(xid: number): string {
    const behind = BigInt.asIntN(32, this.#xmax - BigInt(xid));
    return String(this.#xmax - behind);
  }

  /** Whether every transaction up to this one had ended. */
  isAfter(xid: string): boolean {
    return this.#xmin > BigInt(xid);
  }

  /** Whether it was certainly taken before another one of the same server. */
  isBefore(other: Snapshot): boolean {
    if (this.#xmax !== other.#xmax) return this.#xmax < other.#xmax;
    return this.#running.size > other.#running.size;
  }
}
