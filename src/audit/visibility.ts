import { systemTimers, type Timers } from '../timers.ts';

const WINDOW_MS = 5 * 60_000;
const MAX_KEPT = 1000;

/** How long changes took to become visible on this instance: the last 1,000 of the last five minutes. */
export class Visibility {
  readonly #timers: Pick<Timers, 'now'>;
  readonly #kept: { readonly atMs: number; readonly tookMs: number }[] = [];
  #place = 0;

  constructor(timers: Pick<Timers, 'now'> = systemTimers) {
    this.#timers = timers;
  }

  /**
   * Notes that a change was applied just now.
   * @param announcedAtMs when it was announced, in milliseconds since the epoch, by the clock of this process
   * @returns how long that took, in milliseconds; 0 where the clocks differ by more than that
   */
  observe(announcedAtMs: number): number {
    const atMs = this.#timers.now();
    const tookMs = Math.max(0, atMs - announcedAtMs);
    this.#kept[this.#place] = { atMs, tookMs };
    this.#place = (this.#place + 1) % MAX_KEPT;
    return tookMs;
  }

  /** The time that so many percent of the changes took at most, in milliseconds; `null`: there were none. */
  percentileMs(percent: number): number | null {
    const sinceMs = this.#timers.now() - WINDOW_MS;
    const times = this.#kept.filter(({ atMs }) => atMs >= sinceMs).map(({ tookMs }) => tookMs);
    times.sort((a, b) => a - b);
    return times[Math.max(0, Math.ceil((percent / 100) * times.length) - 1)] ?? null;
  }
}
