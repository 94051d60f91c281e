/** How long work goes on in a row before the event loop continues. */
const LONGEST_TURN_MS = 10;

/**
 * Shares the event loop between deliveries, so that all of them together keep nothing else waiting for long. They take turns: a
 * caller asks before each small piece of work.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isOpen = false;
  #endsAtMs = 0;

  /** `undefined` when the caller may go on at once, otherwise what resolves when it may. */
  next(): Promise<void> | undefined {
    if (!this.#isOpen) this.#open();
    if (this.#waiting.length === 0 && performance.now() < this.#endsAtMs) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether the caller that has a turn may do another small piece of work in it. */
  get hasTime(): boolean {
    return this.#isOpen && performance.now() < this.#endsAtMs;
  }

  #open(): void {
    this.#isOpen = true;
    this.#endsAtMs = performance.now() + LONGEST_TURN_MS;
    setImmediate(() => {
      this.#isOpen = false;
      if (this.#waiting.length === 0) return;
      this.#open();
      this.#releaseNext();
    });
  }

  #releaseNext(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length === 0) return;
    // A tick that is scheduled by a microtask runs when there are no more of them, and so after the work of the one released.
    queueMicrotask(() =>
      process.nextTick(() => {
        if (performance.now() < this.#endsAtMs) this.#releaseNext();
      }),
    );
  }
}
