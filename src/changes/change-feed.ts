import { type Change, type Command, decodeMessage, type Message } from './change.ts';
import type { NotificationSource } from './notification-source.ts';

/** `connecting`: not connected yet. `live`: all changes are delivered. `gap`: the connection was lost. `closed`: ended. */
export type FeedState = 'connecting' | 'live' | 'gap' | 'closed';

/** A follower of the feed. Its methods are called synchronously and in commit order. */
export interface FeedListener {
  /** Rows changed. All are of one statement, which may be spread over several calls. */
  onChanges?(changes: readonly Change[]): void;
  /** All rows of the table were removed by TRUNCATE. */
  onTruncate?(table: string): void;
  /** A message of an instance, which may be this one. */
  onCommand?(command: Command): void;
  /** Changes may be missed from now on. */
  onGap?(): void;
  /** All changes are delivered from now on. Changes since the last gap, or the start, were missed. */
  onLive?(): void;
}

export interface ChangeFeedOptions {
  readonly source: NotificationSource;
  /** How long `waitUntilApplied` waits, in milliseconds, before it declares the feed lost. Default 2,000. */
  readonly acknowledgeTimeoutMs?: number;
  /** Receives unknown payloads, errors of followers, and the reasons of lost connections. */
  readonly onError?: (error: unknown) => void;
}

/** Which message of a transaction to wait for: the last one of its only announcing statement, or its mark. */
type Scope = 'statement' | 'transaction';

const MAX_ACKNOWLEDGED = 4096;

/**
 * Delivers the announcements of the database to followers.
 *
 * A writer awaits `waitUntilApplied` after its commit. When that resolves, every follower has applied the transaction, or the
 * feed is in a gap and every follower knows it. In both cases, no read that starts after the write was answered returns an
 * older state.
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

  /** The number of times the feed was lost since its start. */
  get gaps(): number {
    return this.#gaps;
  }

  /** The current number of followers. */
  get followers(): number {
    return this.#listeners.size;
  }

  /** Adds a follower and returns a function that removes it. Followers are called in the order in which they were added. */
  follow(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves after the first attempt to listen, whether or not it succeeded. Call once. */
  async start(): Promise<void> {
    await this.#source.start({
      onPayload: (payload) => this.#receive(payload),
      onUp: () => this.#onUp(),
      onDown: (reason) => this.#onDown(reason),
    });
  }

  /**
   * Resolves when all followers have applied the transaction `xid`: its only announcing statement, or everything up to its
   * mark. While the feed is not live, it resolves at once. Never rejects. If the announcement does not arrive in
   * `acknowledgeTimeoutMs`, the feed reconnects, which ends the wait.
   */
  waitUntilApplied(xid: string, scope: Scope): Promise<void> {
    const id = `${scope} ${xid}`;
    if (this.#state !== 'live' || this.#acknowledged.has(id)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#source.restart(new Error('A committed change was not announced in time.')),
        this.#acknowledgeTimeoutMs,
      );
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const waiting = this.#waiting.get(id);
      if (waiting) waiting.push(done);
      else this.#waiting.set(id, [done]);
    });
  }

  /**
   * Sends a command to every instance, including this one.
   * @throws {Error} when the source is not connected, or the command could not be sent
   */
  async send(command: Command): Promise<void> {
    await this.#source.notify(JSON.stringify(command));
  }

  /** Releases waiting writers and closes the source. Followers are not called any more. */
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
        this.#deliver((listener) => listener.onChanges?.(changes));
        if (isLast) this.#acknowledge(`statement ${xid}`);
        break;
      }
      case 'truncation': {
        const { table, xid } = message;
        this.#deliver((listener) => listener.onTruncate?.(table));
        this.#acknowledge(`statement ${xid}`);
        break;
      }
      case 'mark':
        this.#acknowledge(`transaction ${message.xid}`);
        break;
      case 'command': {
        const { command } = message;
        this.#deliver((listener) => listener.onCommand?.(command));
      }
    }
  }

  #onUp(): void {
    if (this.#state === 'closed') return;
    this.#state = 'live';
    this.#deliver((listener) => listener.onLive?.());
  }

  #onDown(reason: unknown): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'live') {
      this.#state = 'gap';
      this.#gaps++;
      this.#deliver((listener) => listener.onGap?.());
    }
    this.#onError(reason);
    this.#releaseWriters();
  }

  // The announcement often arrives before the writer knows that its commit succeeded, so its id is remembered for a while.
  #acknowledge(id: string): void {
    this.#acknowledged.set(id, true);
    if (this.#acknowledged.size > MAX_ACKNOWLEDGED) {
      const [oldest] = this.#acknowledged.keys();
      this.#acknowledged.delete(oldest!);
    }
    for (const done of this.#waiting.get(id) ?? []) done();
    this.#waiting.delete(id);
  }

  #releaseWriters(): void {
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const done of waiting) done();
  }

  #deliver(call: (listener: FeedListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (error) {
        // An error of one follower must not keep the change from the others.
        this.#onError(error);
      }
    }
  }
}
