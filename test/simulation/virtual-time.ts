import type { Timers } from '../../src/timers.ts';

/** Whose work an event is. Work of a paused owner waits, work of a dead one is dropped. */
export interface Owner {
  pausedUntilMs: number;
  isDead: boolean;
}

interface Event {
  readonly sequence: number;
  readonly owner: Owner | null;
  readonly run: () => void;
  atMs: number;
  isCancelled: boolean;
}

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const { setImmediate: realSetImmediate, clearTimeout: realClearTimeout } = globalThis;

/**
 * The clock and all timers of a simulation.
 *
 * Events run in the order of their times, and those of one time in the order in which they were planned. Between two events
 * everything that promises have made ready runs, in the order that the language prescribes. So the same calls give the same
 * run, on a busy machine as on an idle one.
 */
export class VirtualTime implements Timers {
  /** Whose event is running. Events that it plans have the same owner. */
  owner: Owner | null = null;
  readonly #heap: Event[] = [];
  #nowMs = START_MS;
  #sequence = 0;

  now(): number {
    return this.#nowMs;
  }

  /** Milliseconds since the simulation began. */
  get elapsedMs(): number {
    return this.#nowMs - START_MS;
  }

  after(delayMs: number, run: () => void, owner: Owner | null = this.owner): () => void {
    return this.at(this.#nowMs + Math.max(0, delayMs), run, owner);
  }

  /** Like `after`, at a time that is not over. */
  at(atMs: number, run: () => void, owner: Owner | null = this.owner): () => void {
    const event = { sequence: this.#sequence++, owner, run, atMs, isCancelled: false };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Runs events until `isOver`, or until there are none. */
  async runUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const event = this.#pop();
      if (!event) return;
      const { owner } = event;
      if (event.isCancelled || owner?.isDead) continue;
      if (owner && owner.pausedUntilMs > event.atMs) {
        event.atMs = owner.pausedUntilMs;
        this.#push(event);
        continue;
      }
      this.#nowMs = event.atMs;
      this.owner = owner;
      event.run();
      // Node runs what promises and `process.nextTick` have made ready before it comes to this.
      await new Promise<void>((resolve) => {
        realSetImmediate(resolve);
      });
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || first === last) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last!, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last!;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}

/** What `setTimeout` and its like return while virtual time is installed. */
class VirtualTimeout {
  cancel = () => {};

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/**
 * Replaces the clock, the timers and the random numbers of the process, so that code which uses them directly depends on
 * nothing but `time` and `random`.
 * @returns a function that puts the real ones back
 * @throws {Error} while another simulation is running
 */
export function installVirtualTime(time: VirtualTime, random: () => number): () => void {
  if (isInstalled) throw new Error('Another simulation is running.');
  isInstalled = true;
  const start = (delayMs: number, run: () => void) => {
    const timeout = new VirtualTimeout();
    timeout.cancel = time.after(delayMs, run);
    return timeout;
  };
  const repeat = (periodMs: number, run: () => void) => {
    const timeout = new VirtualTimeout();
    const wait = () => {
      timeout.cancel = time.after(periodMs, () => {
        wait();
        run();
      });
    };
    wait();
    return timeout;
  };
  const clear = (timeout: unknown) => {
    if (timeout instanceof VirtualTimeout) timeout.cancel();
    else realClearTimeout(timeout as NodeJS.Timeout);
  };
  const originals = [
    replace(globalThis, 'setTimeout', (run: () => void, delayMs = 0) => start(delayMs, run)),
    replace(globalThis, 'setInterval', (run: () => void, periodMs = 0) => repeat(periodMs, run)),
    replace(globalThis, 'setImmediate', (run: () => void) => start(0, run)),
    replace(globalThis, 'clearTimeout', clear),
    replace(globalThis, 'clearInterval', clear),
    replace(globalThis, 'clearImmediate', clear),
    replace(Date, 'now', () => time.now()),
    replace(Math, 'random', random),
  ];
  return () => {
    for (const restore of originals) restore();
    isInstalled = false;
  };
}

let isInstalled = false;

function replace(owner: object, name: string, replacement: unknown): () => void {
  const original = Reflect.get(owner, name);
  Reflect.set(owner, name, replacement);
  return () => Reflect.set(owner, name, original);
}
