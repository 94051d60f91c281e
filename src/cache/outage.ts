const RETRY_AFTER_MS = 1000;

/** The outage that a load met last. It lets further loads fail at once instead of each waiting for a timeout. */
export class Outage {
  readonly #isOutage: (error: unknown) => boolean;
  #error: unknown;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(isOutage: (error: unknown) => boolean) {
    this.#isOutage = isOutage;
  }

  /** Whether a load that starts now should fail with `error` instead of being tried. */
  isOn(nowMs: number): boolean {
    return nowMs < this.#retryAtMs;
  }

  get error(): unknown {
    return this.#error;
  }

  /** Notes why a load failed, and returns whether that is an outage. */
  note(error: unknown, nowMs: number): boolean {
    if (!this.#isOutage(error)) return false;
    // A load that failed with the noted error was refused, so it says nothing new about the outage.
    if (error !== this.#error) {
      this.#error = error;
      this.#retryAtMs = nowMs + RETRY_AFTER_MS;
    }
    return true;
  }

  /** A load succeeded, or changes are announced again. */
  end(): void {
    this.#error = undefined;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
  }
}
