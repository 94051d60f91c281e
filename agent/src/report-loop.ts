import { Unavailable } from './failure.ts';

export interface LoopParts<Reading> {
  /** Resolves to `null` when there is nothing to report this time. */
  readonly measure: () => Promise<Reading | null>;
  /** Rejects with `Unavailable` where it helps to try again. */
  readonly send: (reading: Reading) => Promise<void>;
  readonly intervalMs: number;
  readonly say: (line: string) => void;
  readonly clock: LoopClock;
}

export interface LoopClock {
  /** Resolves after that time, or at once when `signal` is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const ANSWERS_AGAIN = 'The server answers again.';

/** Machines that were started together do not keep reporting together: an interval varies by this part. */
const JITTER = 0.1;
const BACKOFF = { minMs: 1000, maxMs: 60_000 };

/**
 * Reports until `signal` is aborted. While the server is away, it waits longer from try to try. Each try measures anew, so
 * that nothing piles up and the newest reading is what the server gets first.
 *
 * @throws what `measure` or `send` rejects with, except `Unavailable`
 */
export async function reportUntilAborted<Reading>(signal: AbortSignal, parts: LoopParts<Reading>): Promise<void> {
  const { measure, send, intervalMs, say, clock } = parts;
  const attempts = new Attempts(say, clock);
  while (!signal.aborted) {
    const waitMs = await attempts.make(async () => {
      const reading = await measure();
      if (reading !== null) await send(reading);
    }, signal);
    await clock.sleep(waitMs ?? intervalMs * (1 + JITTER * (2 * clock.random() - 1)), signal);
  }
}

/**
 * Does `work` until it succeeds or `signal` is aborted, and then resolves to `undefined`.
 * @throws what `work` rejects with, except `Unavailable`
 */
export async function retry<Result>(
  work: () => Promise<Result>,
  signal: AbortSignal,
  { say, clock }: Pick<LoopParts<unknown>, 'say' | 'clock'>,
): Promise<Result | undefined> {
  const attempts = new Attempts(say, clock);
  let result: Result | undefined;
  while (!signal.aborted) {
    const waitMs = await attempts.make(async () => {
      result = await work();
    }, signal);
    if (waitMs === null) return result;
    await clock.sleep(waitMs, signal);
  }
  return undefined;
}

/** Counts failures in a row, and says when they begin, have another reason, and end. */
class Attempts {
  readonly #say: (line: string) => void;
  readonly #random: () => number;
  #failures = 0;
  #reason = '';

  constructor(say: (line: string) => void, { random }: LoopClock) {
    this.#say = say;
    this.#random = random;
  }

  /** @returns how long to wait before the next try; `null`: it succeeded */
  async make(work: () => Promise<void>, signal: AbortSignal): Promise<number | null> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return 0;
      if (!(error instanceof Unavailable)) throw error;
      if (error.message !== this.#reason) this.#say(`${error.message} Trying again.`);
      this.#reason = error.message;
      return Math.max(error.waitMs, this.#backoffMs());
    }
    if (this.#failures > 0) this.#say(ANSWERS_AGAIN);
    this.#failures = 0;
    this.#reason = '';
    return null;
  }

  /** Full jitter: agents that lost the same server spread evenly over the whole wait. */
  #backoffMs(): number {
    const { minMs, maxMs } = BACKOFF;
    const longestMs = Math.min(maxMs, minMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return this.#random() * longestMs;
  }
}

/** Says once what many loops say of the same outage. */
export function sayTogether(say: (line: string) => void): (line: string) => void {
  const troubles = new Set<string>();
  return (line) => {
    const isNews = line === ANSWERS_AGAIN ? troubles.size > 0 : !troubles.has(line);
    if (line === ANSWERS_AGAIN) troubles.clear();
    else troubles.add(line);
    if (isNews) say(line);
  };
}
