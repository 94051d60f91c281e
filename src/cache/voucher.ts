import type { Entry } from './entry.ts';

/** Where vouchers ask; part of `Cache`. */
export interface VoucherSource {
  readonly isTrusted: boolean;
  readonly nowMs: number;
  /** Rises whenever an entry leaves. */
  readonly departures: number;
}

/**
 * Vouches for something that was made from what one reader found: as long as it is valid, another reader would find the
 * same.
 */
export class Voucher {
  /** When the first of the entries expires, on the cache's clock. */
  readonly expiresAtMs: number;
  readonly #source: VoucherSource;
  readonly #entries: readonly Entry[];
  /** At how many departures the entries were last seen to be held. */
  #heldAt: number;

  constructor(source: VoucherSource, entries: readonly Entry[]) {
    this.#source = source;
    this.#entries = entries;
    this.#heldAt = source.departures;
    this.expiresAtMs = entries.reduce((first, entry) => Math.min(first, entry.expiresAtMs), Number.POSITIVE_INFINITY);
  }

  /** Once it is not, it never is again, save for the time that the cache is distrusted. */
  get isValid(): boolean {
    const { departures, isTrusted, nowMs } = this.#source;
    if (!isTrusted || nowMs >= this.expiresAtMs) return false;
    // Most looks come when nothing has left since the last one.
    if (departures === this.#heldAt) return true;
    if (!this.#entries.every(({ isHeld }) => isHeld)) return false;
    this.#heldAt = departures;
    return true;
  }

  /** What it was made from. */
  get keys(): string[] {
    return this.#entries.map(({ key }) => key);
  }
}
