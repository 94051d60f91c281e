/**
 * The oldest version of each key that may still be shown, remembered for a while: what readers were told of is not to be
 * followed by something older from a place that has not heard of it yet.
 *
 * Two maps take turns, so that forgetting costs nothing: a minimum lasts one to two periods.
 */
export class MinimumVersions {
  readonly #periodMs: number;
  #recent = new Map<string, number>();
  #older = new Map<string, number>();
  #turnedAtMs: number;

  constructor(periodMs: number, nowMs: number) {
    this.#periodMs = periodMs;
    this.#turnedAtMs = nowMs;
  }

  raise(key: string, version: number): void {
    this.#recent.set(key, Math.max(version, this.of(key)));
  }

  /** 0 when nothing is known. */
  of(key: string): number {
    return Math.max(this.#recent.get(key) ?? 0, this.#older.get(key) ?? 0);
  }

  /** Forgets what has lasted long enough. */
  forgetOld(nowMs: number): void {
    if (nowMs - this.#turnedAtMs < this.#periodMs) return;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#turnedAtMs = nowMs;
  }
}
