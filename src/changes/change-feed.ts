import { type Change, type Command, decodeMessage, type Message } from './change.ts';
import type { NotificationSource } from './notification-source.ts';

/** `connecting` before the first success, `live` while everything is heard, `gap` after a loss, `closed` at the end. */
export type FeedState = 'connecting' | 'live' | 'gap' | 'closed';

/** Those who follow the feed. Each is called synchronously and in the order of the commits. */
export interface FeedListener {
  onChanges?(changes: readonly Change[]): void;
  /** Every row of the table is gone. */
  onTruncate?(table: string): void;
  onCommand?(command: Command): void;
  /** Changes may be passing unheard from now on. */
  onGap?(): void;
  /** Everything is heard again. What happened in between is not known. */
  onLive?(): void;
}

export interface ChangeFeedOptions {
  readonly source: NotificationSource;
  /** How long `waitUntilApplied` waits for an echo before it declares the feed lost. Default 2,000. */
  readonly acknowledgeTimeoutMs?: number;
  readonly onError?: (error: unknown) => void;
}

type Scope = 'statement' | 'transaction';

const REMEMBERED_ECHOES = 4096;

/**
 * What the database announces, to whoever follows.
 *
 * A writer awaits `waitUntilApplied` after its commit: once it resolves, every follower has been told of the transaction, or the
 * feed is known to be broken and its followers know that too. Either way an answered write is never followed by a read
 * that had not heard of it.
 */
export class ChangeFeed {
  readonly #source: NotificationSource;
  readonly #acknowledgeTimeoutMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<FeedListener>();
  readonly #acknowledged = new Map<string, true>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #state: FeedState = 'connecting';
  #gaps = 0;

  constructor({ source, acknowledgeTimeoutMs = 2000, onError = () => {} }: ChangeFeedOptions) {
    this.#source = source;
    this.#acknowledgeTimeoutMs = acknowledgeTimeoutMs;
    this.#onError = onError;
  }

  get state(): FeedState {
    return this.#state;
  }

  /** How often the feed was lost since the start. */
  get gaps(): number {
    return this.#gaps;
  }

  /** How many follow at the moment. */
  get followers(): number {
    return this.#listeners.size;
  }

  /** Adds a follower and returns what removes it again. */
  follow(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves after the first attempt to listen, successful or not. */
  async start(): Promise<void> {
    await this.#source.start({
      onPayload: (payload) => this.#receive(payload),
      onUp: () => this.#rise(),
      onDown: (reason) => this.#fall(reason),
    });
  }

  /**
   * Resolves once all followers were told of the transaction `xid`: of its one announcing statement, or of everything up
   * to the mark it set (see `markTransaction`). While the feed is not live it resolves at once.
   */
  waitUntilApplied(xid: string, scope: Scope): Promise<void> {
    const echo = `${scope} ${xid}`;
    if (this.#state !== 'live' || this.#acknowledged.has(echo)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#source.restart(new Error('A committed change was not announced in time.')),
        this.#acknowledgeTimeoutMs,
      );
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const waiting = this.#waiting.get(echo);
      if (waiting) waiting.push(done);
      else this.#waiting.set(echo, [done]);
    });
  }

  /** Sends a command to every instance, this one included. */
  async send(command: Command): Promise<void> {
    await this.#source.notify(JSON.stringify(command));
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#releaseWriters();
    await this.#source.close();
  }

  #receive(payload: string): void {
    let message: Message;
    try {
      message = decodeMessage(payload);
    } catch (error) {
      this.#onError(error);
      return;
    }
    switch (message.kind) {
      case 'changes': {
        const { changes, isLast, xid } = message;
        this.#tell((listener) => listener.onChanges?.(changes));
        if (isLast) this.#acknowledge(`statement ${xid}`);
        break;
      }
      case 'truncation': {
        const { table, xid } = message;
        this.#tell((listener) => listener.onTruncate?.(table));
        this.#acknowledge(`statement ${xid}`);
        break;
      }
      case 'mark':
        this.#acknowledge(`transaction ${message.xid}`);
        break;
      case 'command': {
        const { command } = message;
        this.#tell((listener) => listener.onCommand?.(command));
      }
    }
  }

  #rise(): void {
    if (this.#state === 'closed') return;
    this.#state = 'live';
    this.#tell((listener) => listener.onLive?.());
  }

  #fall(reason: unknown): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'live') {
      this.#state = 'gap';
      this.#gaps++;
      this.#tell((listener) => listener.onGap?.());
    }
    this.#onError(reason);
    this.#releaseWriters();
  }

  // The echo often comes before the writer has learned that its commit succeeded, so it is remembered for a while.
  #acknowledge(echo: string): void {
    this.#acknowledged.set(echo, true);
    if (this.#acknowledged.size > REMEMBERED_ECHOES) {
      const [oldest] = this.#acknowledged.keys();
      this.#acknowledged.delete(oldest!);
    }
    for (const done of this.#waiting.get(echo) ?? []) done();
    this.#waiting.delete(echo);
  }

  #releaseWriters(): void {
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const done of waiting) done();
  }

  #tell(what: (listener: FeedListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        what(listener);
      } catch (error) {
        // One follower's fault must not keep the others from hearing of the change.
        this.#onError(error);
      }
    }
  }
}
