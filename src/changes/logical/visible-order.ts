import { setTimeout as sleep } from 'node:timers/promises';
import { Snapshot } from '../snapshot.ts';

export interface VisibleOrderOptions {
  /** Asks PostgreSQL which transactions have ended, on a connection of its own. */
  readonly readSnapshot: () => Promise<Snapshot>;
  readonly deliver: (payload: string) => void;
  /** Called when no snapshot can be read, so that what waits cannot be delivered any more. */
  readonly onFailed: (error: unknown) => void;
  /** Told to stop and to go on reading, so that what waits does not grow without a bound. */
  readonly stream: { pause(): unknown; resume(): unknown };
  /** Waits before the next question. Default: a timer that does not keep the process alive. */
  readonly wait?: (ms: number) => Promise<unknown>;
  /** Default: `performance.now()`. */
  readonly now?: () => number;
}

interface Waiting {
  readonly xid: string;
  readonly payloads: string[];
}

const MAX_WAITING_CHARACTERS = 4_000_000;
/** How long payloads are delivered before other events have their turn. */
const BUDGET_MS = 10;
const FIRST_WAIT_MS = 1;
const MAX_WAIT_MS = 20;

const backgroundWait = (ms: number) => sleep(ms, undefined, { ref: false });

/**
 * Delivers the payloads of a transaction once it is visible, in the order of the commits.
 *
 * A commit is in the log, and decoded, before others can see it: moments before, or for as long as it waits for a synchronous
 * standby. A reader who was told of the change would look for it, find the state before, and store that for good. So each
 * transaction waits for a snapshot that sees it. Those that arrive meanwhile share the next snapshot.
 */
export class VisibleOrder {
  readonly #options: Required<VisibleOrderOptions>;
  #snapshot: Snapshot;
  readonly #waiting: Waiting[] = [];
  #waitingCharacters = 0;
  #isPaused = false;
  #isChecking = false;
  #isClosed = false;

  /** @param snapshot taken before the first transaction began to be decoded */
  constructor(options: VisibleOrderOptions, snapshot: Snapshot) {
    this.#options = { wait: backgroundWait, now: () => performance.now(), ...options };
    this.#snapshot = snapshot;
  }

  /** Completes the lower 32 bits of a transaction's id. */
  readonly widen = (xid: number): string => this.#snapshot.widen(xid);

  /** The payloads that are pushed from now on are of this transaction, which was committed. */
  begin(xid: string): void {
    if (this.#isClosed) return;
    if (this.#waiting.length === 0 && this.#snapshot.sees(xid)) return;
    this.#waiting.push({ xid, payloads: [] });
    if (!this.#isChecking) void this.#check();
  }

  push(payload: string): void {
    if (this.#isClosed) return;
    const last = this.#waiting.at(-1);
    if (!last) {
      this.#options.deliver(payload);
      return;
    }
    last.payloads.push(payload);
    this.#waitingCharacters += payload.length;
    if (this.#waitingCharacters > MAX_WAITING_CHARACTERS) {
      this.#isPaused = true;
      // Again with each payload, because others may resume it.
      this.#options.stream.pause();
    }
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    let waitMs = FIRST_WAIT_MS;
    try {
      while (this.#waiting.length > 0) {
        this.#snapshot = await this.#options.readSnapshot();
        const delivered = await this.#deliverVisible();
        if (this.#isClosed) return;
        if (delivered > 0) {
          waitMs = FIRST_WAIT_MS;
        } else {
          await this.#options.wait(waitMs);
          waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
        }
      }
    } catch (error) {
      if (!this.#isClosed) this.#options.onFailed(error);
    } finally {
      this.#isChecking = false;
    }
  }

  /** Returns the number of transactions that left the queue. */
  async #deliverVisible(): Promise<number> {
    let delivered = 0;
    const { now } = this.#options;
    let untilMs = now() + BUDGET_MS;
    for (let first = this.#waiting[0]; first && this.#snapshot.sees(first.xid); first = this.#waiting[0]) {
      // What arrives for it meanwhile is behind what it has.
      for (let payload = first.payloads.shift(); payload !== undefined; payload = first.payloads.shift()) {
        this.#waitingCharacters -= payload.length;
        this.#options.deliver(payload);
        if (now() > untilMs) {
          await new Promise<void>((resolve) => setImmediate(resolve));
          untilMs = now() + BUDGET_MS;
        }
        if (this.#isClosed) return delivered;
      }
      this.#waiting.shift();
      delivered += 1;
    }
    if (this.#isPaused && this.#waitingCharacters < MAX_WAITING_CHARACTERS / 2) {
      this.#isPaused = false;
      this.#options.stream.resume();
    }
    return delivered;
  }
}
