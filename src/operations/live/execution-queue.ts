import { setImmediate } from 'node:timers/promises';

/** How long executions that need no SQL follow each other in one turn of the event loop. */
const LONGEST_TURN_MS = 5;
/** Executions that may wait for the database at a time. */
const MAX_WAITING = 16;

/**
 * Starts the executions of live queries in order, so that a change which concerns many of them delays no other work: the
 * event loop continues after a few milliseconds, and only some of them wait for the database at a time.
 */
export class ExecutionQueue {
  readonly #queue: (() => Promise<void>)[] = [];
  readonly #waiting = new Set<Promise<void>>();
  #isRunning = false;

  /** @param run must not reject */
  enter(run: () => Promise<void>): void {
    this.#queue.push(run);
    if (!this.#isRunning) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    while (this.#queue.length > 0) {
      await setImmediate();
      await this.#takeTurn();
    }
    this.#isRunning = false;
  }

  async #takeTurn(): Promise<void> {
    const endsAtMs = performance.now() + LONGEST_TURN_MS;
    while (this.#queue.length > 0 && performance.now() < endsAtMs) {
      while (this.#waiting.size >= MAX_WAITING) await Promise.race(this.#waiting);
      const running = this.#queue.shift()!().finally(() => this.#waiting.delete(running));
      this.#waiting.add(running);
      // One that finds everything in the cache is over before the next turn of the event loop.
      await Promise.race([running, setImmediate()]);
    }
  }
}
