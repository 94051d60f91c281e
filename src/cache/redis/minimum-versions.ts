/**
 * The oldest version of each key that may still be returned. It prevents a reader who has seen a version from getting an
 * older one from a store that has not received the newer one yet.
 *
 * Two maps alternate, so that forgetting needs no scan: a minimum is remembered for one to two periods.
 */
export class MinimumVersions {
  readonly #periodMs: number;
  #recent = new Map<string, number>();
  #older = new Map<string, number>();
  #rotatedAtMs: number;

  constructor(periodMs: number, nowMs: number) {
    this.#periodMs = periodMs;
    this.#rotatedAtMs = nowMs;
  }

  remember(key: string, version: number): void {
    this.#recent.set(key, Math.max(version, this.of(key)));
  }

  /** The minimum version of `key`; 0 when none is remembered. */
  of(key: string): number {
    return Math.max(this.#recent.get(key) ?? 0, this.#older.get(key) ?? 0);
  }

  /** Call at least once a period. */
  forgetOld(nowMs: number): void {
    if (nowMs - this.#rotatedAtMs < this.#periodMs) return;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#rotatedAtMs = nowMs;
  }
}
