import type { Entry } from './entry.ts';

/** Where vouchers ask; part of `Cache`. */
export interface VoucherSource {
  readonly isTrusted: boolean;
  readonly nowMs: number;
}

/**
 * Vouches for something that was made from what one reader found: as long as it is valid, another reader would find the
 * same. It is void for good once one of the entries has left the cache, or the maker has let go of it.
 */
export class Voucher {
  /** When the first of the entries expires, on the cache's clock. */
  readonly expiresAtMs: number;
  readonly #source: VoucherSource;
  readonly #entries: ReadonlySet<Entry>;
  readonly #onVoid: () => void;
  #isVoid = false;

  /** @param onVoid called once, when the voucher becomes void */
  constructor(source: VoucherSource, entries: ReadonlySet<Entry>, onVoid: () => void) {
    this.#source = source;
    this.#entries = entries;
    this.#onVoid = onVoid;
    let expiresAtMs = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      expiresAtMs = Math.min(expiresAtMs, entry.expiresAtMs);
      entry.vouchers ??= new Set();
      entry.vouchers.add(this);
    }
    this.expiresAtMs = expiresAtMs;
  }

  get isValid(): boolean {
    return !this.#isVoid && this.#source.isTrusted && this.#source.nowMs < this.expiresAtMs;
  }

  /** What it was made from. */
  get keys(): string[] {
    return [...this.#entries].map(({ key }) => key);
  }

  void(): void {
    if (this.#isVoid) return;
    this.#isVoid = true;
    for (const { vouchers } of this.#entries) vouchers?.delete(this);
    this.#onVoid();
  }
}
