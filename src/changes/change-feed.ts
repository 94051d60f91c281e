import { lineageEnded, type Origin } from '../database/lineage.ts';
import { DatabaseRefusal } from '../database/refusal.ts';
import { systemTimers, type Timers } from '../timers.ts';
import { type Announced, type Change, type Command, decodeMessage, type Message } from './change.ts';
import { ClockDifference } from './clock-difference.ts';
import { Echoes, type EchoOptions } from './echoes.ts';
import { HeardTransactions, type Scope } from './heard-transactions.ts';
import type { NotificationSource } from './notification-source.ts';

/**
 * `connecting`: not heard yet. `live`: all changes are delivered, and an echo has shown it. `gap`: changes may be missed.
 * `closed`: ended.
 */
export type FeedState = 'connecting' | 'live' | 'gap' | 'closed';

/** A follower of the feed. Its methods are called synchronously and in commit order. */
export interface FeedListener {
  /**
   * Rows changed. All are of one statement, which may be spread over several calls. Never called while changes may be missed,
   * so `onLive` comes before any change that follows a missed one.
   */
  onChanges?(changes: readonly Change[], announced: Announced): void;
  /**
   * All changes of one statement were applied by the followers before this one.
   * @param announcedAtMs when it announced them, by the clock of this process: for a transaction of one statement, right
   *   before its commit
   */
  onApplied?(announcedAtMs: number): void;
  /** All rows of the table were removed by TRUNCATE. */
  onTruncate?(table: string, announced: Announced): void;
  /** A message of an instance, which may be this one. */
  onCommand?(command: Command): void;
  /** Changes may be missed from now on. */
  onGap?(): void;
  /** All changes are delivered from now on. Changes since the last gap, or the start, were missed. */
  onLive?(): void;
}

export interface ChangeFeedOptions {
  readonly source: NotificationSource;
  /** How the feed proves that it hears what writers announce. Without it, a source that is up is believed. */
  readonly echo?: EchoOptions;
  /**
   * Whether an announcement or an echo belongs to another history of the rows: another server, or tables that were replaced.
   * Default: never.
   */
  readonly isForeign?: (origin: Origin) => boolean;
  /**
   * The schema of the tables that the feed tells of. Other schemas of the database have tables and instances of their own.
   * Default: all.
   */
  readonly schema?: () => string;
  /** Why an echo that was sent may not be heard, in a sentence for the operator. Default: as by a pooler. */
  readonly unheard?: string;
  /** Default: Node's timers. */
  readonly timers?: Timers;
  /** How long `waitUntilApplied` waits, in milliseconds, before it declares the feed lost. Default 2,000. */
  readonly acknowledgeTimeoutMs?: number;
  /** Receives unknown payloads, errors of followers, and why the feed is not live: each reason once until it is live again. */
  readonly onError?: (error: unknown) => void;
}

export const ACKNOWLEDGE_TIMEOUT_MS = 2000;
const MAX_REPORTED = 100;

/**
 * Delivers the announcements of the database to followers.
 *
 * It is live only once it has heard an echo: a notification of its own, sent as writers send theirs. Echoes go on while it is
 * live, and one that is not heard in time is a gap.
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
  readonly #heard = new HeardTransactions();
  readonly #clocks = new ClockDifference();
  readonly #echoes: Echoes | undefined;
  readonly #isForeign: (origin: Origin) => boolean;
  readonly #schema: (() => string) | undefined;
  readonly #timers: Timers;
  #state: FeedState = 'connecting';
  #gaps = 0;
  #liveSpans = 0;
  #isUp = false;
  #reason: string | null = null;
  readonly #reported = new Set<string>();
  /** The rows that the transaction heard last has announced so far. */
  #counted = { xid: '', rows: 0 };
  readonly #firstOutcome = Promise.withResolvers<void>();

  constructor(options: ChangeFeedOptions) {
    const { source, echo, isForeign = () => false, timers = systemTimers } = options;
    const { acknowledgeTimeoutMs = ACKNOWLEDGE_TIMEOUT_MS, onError = () => {} } = options;
    this.#source = source;
    this.#isForeign = isForeign;
    this.#schema = options.schema;
    this.#timers = timers;
    this.#echoes = echo && new Echoes(echo, timers, (failure) => this.lose(notHeard(failure, options.unheard)));
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

  /** Why the feed is not live, in a sentence without addresses or secrets; `null` while it is, or has not tried yet. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Which of the spans in which the feed was live this is, counted from 1; 0 while it is not live. */
  get liveSpan(): number {
    return this.#state === 'live' ? this.#liveSpans : 0;
  }

  /** How much of its log the database keeps for this instance, in bytes. */
  get retainedBytes(): number {
    return this.#source.retainedBytes ?? 0;
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

  /** Resolves after the first attempt to become live, whether or not it succeeded. Call once. */
  async start(): Promise<void> {
    await this.#source.start({
      onPayload: (payload) => this.#receive(payload),
      onUp: () => this.#onUp(),
      onDown: (reason) => this.#onDown(reason),
    });
    // The source is up, and the echo on its way.
    if (this.#isUp) await this.#firstOutcome.promise;
  }

  /** Declares the feed lost at once, and connects again. `reason` is a `DatabaseRefusal` where an operator can change it. */
  lose(reason: unknown): void {
    this.#onDown(reason);
    this.#source.restart(reason);
  }

  /**
   * Resolves when all followers have applied the transaction `xid`: its only announcing statement, or everything up to its
   * mark. While the feed is not live, it resolves at once. Never rejects. If the announcement does not arrive in
   * `acknowledgeTimeoutMs`, the feed reconnects, which ends the wait.
   */
  waitUntilApplied(xid: string, scope: Scope): Promise<void> {
    if (this.#state !== 'live' || this.#heard.hasHeardMessage(xid, scope)) return Promise.resolve();
    return new Promise((resolve) => {
      const giveUp = () => this.#source.restart(new Error('A committed change was not announced in time.'));
      const cancel = this.#timers.after(this.#acknowledgeTimeoutMs, giveUp);
      this.#heard.wait(xid, scope, () => {
        cancel();
        resolve();
      });
    });
  }

  /**
   * Whether all followers have applied the whole transaction `xid`, or it had ended without a change when the newest echo was
   * sent. `false` may also mean that it is not known: then `proveNow` helps.
   */
  hasHeard(xid: string): boolean {
    return this.#heard.hasHeardAll(xid);
  }

  /**
   * Resolves when all followers have applied everything that was committed before the call, or the feed is not live. Never
   * rejects. Concurrent callers share one echo.
   */
  async proveNow(): Promise<void> {
    if (this.#state === 'live') await this.#echoes?.next();
  }

  /**
   * Sends a command to every instance of the schema, including this one.
   * @throws {Error} when the source is not connected, or the command could not be sent
   */
  async send(command: Command): Promise<void> {
    await this.#source.notify(JSON.stringify({ ...command, schema: this.#schema?.() }));
  }

  /** Releases waiting writers and closes the source. Followers are not called any more. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#echoes?.stop();
    this.#heard.forget();
    this.#firstOutcome.resolve();
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
    const origin = originOf(message);
    if (this.#schema && origin.schema !== undefined && origin.schema !== this.#schema()) return;
    // At once, so that no read finds what was cached of the other one once the writer is answered.
    if (message.kind === 'restoration' || this.#isForeign(origin)) {
      this.lose(lineageEnded());
      return;
    }
    switch (message.kind) {
      case 'changes': {
        const { at, changes, isLast, xid } = message;
        if (this.#state === 'live') {
          const announced = this.#count(message, changes.length, payload);
          this.#deliver((listener) => listener.onChanges?.(changes, announced));
          if (isLast && at !== undefined) this.#deliver((listener) => listener.onApplied?.(at + this.#clocks.ms));
        }
        if (isLast) this.#heard.acknowledge(xid, 'statement');
        break;
      }
      case 'truncation': {
        const { origin, xid } = message;
        if (this.#state === 'live') {
          const announced = this.#count(message, 1, payload);
          this.#deliver((listener) => listener.onTruncate?.(origin.table, announced));
        }
        this.#heard.acknowledge(xid, 'statement');
        break;
      }
      case 'mark':
        this.#heard.acknowledge(message.xid, 'transaction');
        break;
      case 'echo':
        this.#onEcho(message);
        break;
      case 'command': {
        const { command } = message;
        this.#deliver((listener) => listener.onCommand?.(command));
      }
    }
  }

  #count({ xid, at }: { xid: string; at: number | undefined }, rows: number, payload: string): Announced {
    const before = this.#counted.xid === xid ? this.#counted.rows : 0;
    this.#counted = { xid, rows: before + rows };
    return { xid, before, at, bytes: payload.length };
  }

  #onUp(): void {
    if (this.#state === 'closed') return;
    this.#isUp = true;
    if (this.#echoes) this.#echoes.start();
    else this.#becomeLive();
  }

  // An echo is heard after everything that its transaction could see: PostgreSQL queues the notifications of a transaction
  // before that transaction becomes visible, and delivers them in the order of the queue.
  #onEcho({ id, snapshot, at }: Message & { readonly kind: 'echo' }): void {
    const sentAtMs = this.#echoes?.receive(id);
    if (sentAtMs === undefined) return;
    if (at !== undefined) this.#clocks.note({ sentAtMs, databaseMs: at, heardAtMs: this.#timers.now() });
    this.#heard.observeSnapshot(snapshot);
    if (this.#state !== 'live') this.#becomeLive();
  }

  #becomeLive(): void {
    this.#state = 'live';
    this.#liveSpans++;
    this.#reason = null;
    this.#reported.clear();
    this.#deliver((listener) => listener.onLive?.());
    this.#firstOutcome.resolve();
  }

  #onDown(reason: unknown): void {
    if (this.#state === 'closed') return;
    this.#isUp = false;
    this.#echoes?.stop();
    this.#reason = describeReason(reason);
    if (this.#state === 'live') {
      this.#state = 'gap';
      this.#gaps++;
      this.#deliver((listener) => listener.onGap?.());
    }
    this.#report(reason);
    this.#heard.forget();
    this.#clocks.forget();
    // Another server may give the same number to another transaction.
    this.#counted = { xid: '', rows: 0 };
    this.#firstOutcome.resolve();
  }

  #report(reason: unknown): void {
    const text = String(reason);
    if (this.#reported.has(text)) return;
    if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
    this.#reported.add(text);
    this.#onError(reason);
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

function originOf(message: Message): Origin {
  if (message.kind === 'echo') return message;
  return 'origin' in message ? message.origin : {};
}

const SWALLOWED =
  'The connection to the database does not deliver notifications: connect to PostgreSQL itself, or to a pooler in ' +
  'session mode.';

function notHeard(failure: unknown, unheard = SWALLOWED): DatabaseRefusal {
  const message = failure === undefined ? unheard : 'Nothing can be sent over the connections that writes use.';
  return new DatabaseRefusal(message, { cause: failure });
}

function describeReason(reason: unknown): string {
  if (reason instanceof DatabaseRefusal) return reason.message;
  const { code } = (reason ?? {}) as { readonly code?: unknown };
  return `The connection of the change feed is lost${typeof code === 'string' ? ` (${code})` : ''}.`;
}
