const MAX_READINGS = 60;

interface Reading {
  readonly aheadMs: number;
  /** By how much that can be wrong. */
  readonly uncertaintyMs: number;
}

/**
 * How far the clock of this process is ahead of the database's, by the best of the last 60 echoes: its time in the database
 * lies between those when it was sent and heard.
 */
export class ClockDifference {
  readonly #readings: Reading[] = [];
  #place = 0;

  note(times: { readonly sentAtMs: number; readonly databaseMs: number; readonly heardAtMs: number }): void {
    const { sentAtMs, databaseMs, heardAtMs } = times;
    const uncertaintyMs = (heardAtMs - sentAtMs) / 2;
    this.#readings[this.#place] = { aheadMs: sentAtMs + uncertaintyMs - databaseMs, uncertaintyMs };
    this.#place = (this.#place + 1) % MAX_READINGS;
  }

  /** In milliseconds; 0 while the clocks cannot be told apart. */
  get ms(): number {
    let best: Reading | undefined;
    for (const reading of this.#readings) {
      if (!best || reading.uncertaintyMs < best.uncertaintyMs) best = reading;
    }
    return best && Math.abs(best.aheadMs) > best.uncertaintyMs ? best.aheadMs : 0;
  }

  /** The next echoes may come from another server. */
  forget(): void {
    this.#readings.length = 0;
    this.#place = 0;
  }
}
