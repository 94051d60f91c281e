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
  readonly #entries: readonly Entry[];
  readonly #onVoid: () => void;
  #isVoid = false;

  /**
   * @param entries what was read; one may come twice
   * @param onVoid called once, when the voucher becomes void
   */
  constructor(source: VoucherSource, entries: readonly Entry[], onVoid: () => void) {
    this.#source = source;
    // A copy has no room for more than it holds, as a list that grew has.
    this.#entries = entries.slice();
    this.#onVoid = onVoid;
    let expiresAtMs = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      expiresAtMs = Math.min(expiresAtMs, entry.expiresAtMs);
      attach(this, entry);
    }
    this.expiresAtMs = expiresAtMs;
  }

  get isValid(): boolean {
    return !this.#isVoid && this.#source.isTrusted && this.#source.nowMs < this.expiresAtMs;
  }

  /** How many reads it was made from. */
  get size(): number {
    return this.#entries.length;
  }

  /** What it was made from, each once. */
  get keys(): string[] {
    return [...new Set(this.#entries.map(({ key }) => key))];
  }

  void(): void {
    if (this.#isVoid) return;
    this.#isVoid = true;
    for (const entry of this.#entries) detach(this, entry);
    this.#onVoid();
  }
}

/** To be called when an entry leaves. */
export function voidVouchersOf({ vouchers }: Entry): void {
  if (vouchers instanceof Set) for (const voucher of [...vouchers]) voucher.void();
  else vouchers?.void();
}

/** Most entries have one voucher at most, and a set would be larger than all the rest of such an entry. */
function attach(voucher: Voucher, entry: Entry): void {
  const { vouchers } = entry;
  // The same, when the entry was read twice.
  if (vouchers === undefined || vouchers === voucher) entry.vouchers = voucher;
  else if (vouchers instanceof Set) vouchers.add(voucher);
  else entry.vouchers = new Set([vouchers, voucher]);
}

function detach(voucher: Voucher, entry: Entry): void {
  const { vouchers } = entry;
  if (vouchers instanceof Set) vouchers.delete(voucher);
  else if (vouchers === voucher) entry.vouchers = undefined;
}
