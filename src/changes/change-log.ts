import { randomInt } from 'node:crypto';
import { StationmasterError } from '../errors.ts';
import { systemTimers, type Timers } from '../timers.ts';
import type { Announced, Change } from './change.ts';
import type { ChangeFeed } from './change-feed.ts';
import { formatPosition, type Place, parsePosition, placeIn } from './place.ts';

export interface ChangeLogOptions {
  readonly feed: Pick<ChangeFeed, 'follow' | 'state'>;
  /** Names the database: `identifyDatabase`. */
  readonly databaseId: () => string;
  /** Default: 32 MiB. */
  readonly maxBytes?: number;
  /** Default: 5 minutes. */
  readonly maxAgeMs?: number;
  readonly timers?: Pick<Timers, 'now'>;
}

/** A message of the feed. */
export interface LoggedMessage {
  readonly announced: Announced;
  readonly table: string;
  /** `null`: any row of the table may have changed, as by TRUNCATE. */
  readonly changes: readonly Change[] | null;
  /** How many of the rows come before the place from which it is read. */
  readonly skip: number;
}

interface Entry extends LoggedMessage {
  readonly heardAtMs: number;
}

/** Reads the log from some place on. */
export interface LogReader {
  /**
   * The next message, the same object for all readers that read the whole of it; `null` when everything was read that has been
   * heard; `lost` when that is remembered no more.
   */
  next(): LoggedMessage | null | 'lost';
}

const MAX_BYTES = 32 * 1024 * 1024;
const MAX_AGE_MS = 5 * 60_000;
/** The memory that a decoded message takes, in bytes for each byte of its text, as measured for rows of the fleet. */
const BYTES_PER_BYTE = 3;

/**
 * Remembers what the feed announced lately, once for all subscribers, so that those who were cut off get what they missed.
 *
 * A position is `<database>-<transaction>.<rows>.<check>`: the place after that many rows of a transaction. PostgreSQL delivers
 * the notifications of a transaction in a row, and those of all transactions in the order of their commits, identically to
 * every listener. So a position names one place on all instances. The numbers of transactions follow the order in which they
 * began: a place is found by its transaction, and not by comparing numbers.
 *
 * After a gap nothing before it is remembered. Then, and at the start, the log begins with a place of its own, which no other
 * instance knows.
 */
export class ChangeLog {
  readonly #databaseId: () => string;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #timers: Pick<Timers, 'now'>;
  /** By a number that rises with each message, the oldest one first. */
  readonly #entries = new Map<number, Entry>();
  #nextNumber = 0;
  /** The number of the first message of each transaction that is left. */
  readonly #firstOf = new Map<string, number>();
  #bytes = 0;
  /** The place before the oldest entry; `null` while changes may be missed. */
  #base: Place | null = null;
  #newest: Place | null = null;

  constructor(options: ChangeLogOptions) {
    const { feed, databaseId, maxBytes = MAX_BYTES, maxAgeMs = MAX_AGE_MS, timers = systemTimers } = options;
    this.#databaseId = databaseId;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#timers = timers;
    if (feed.state === 'live') this.#begin();
    feed.follow({
      onChanges: (changes, announced) => {
        if (changes.length > 0) this.#append({ announced, table: changes[0]!.table, changes });
      },
      onTruncate: (table, announced) => this.#append({ announced, table, changes: null }),
      onGap: () => this.#clear(),
      onLive: () => this.#begin(),
    });
  }

  /** Where the log ends: everything that is heard from now on comes after it. Unknown while changes may be missed. */
  get position(): string {
    return formatPosition(this.#databaseId(), this.#newest);
  }

  /** The memory that the messages take, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The position after the first `rows` rows of a message. */
  positionIn(announced: Announced, rows: number): string {
    return formatPosition(this.#databaseId(), placeIn(announced, rows));
  }

  /**
   * Reads what was heard after a position.
   * @returns `null` when that is not known: the position is too old, or of a time or a database that was not listened to
   * @throws {StationmasterError} BAD_USER_INPUT when it is no position
   */
  readAfter(text: string): LogReader | null {
    const position = parsePosition(text);
    if (!position) {
      const message = 'since is not a position: send the position of an event, or what a mutation answered as such.';
      throw new StationmasterError('BAD_USER_INPUT', message, { field: 'since' });
    }
    this.#evict();
    const { databaseId, xid, rows, check } = position;
    if (databaseId !== this.#databaseId() || rows === undefined || check === undefined) return null;
    return this.#find({ xid, rows, check });
  }

  /** Reads what is heard after the call. */
  readFromNow(): LogReader {
    return this.#readFrom(this.#nextNumber, 0);
  }

  /** The number of the oldest entry, or of the next one when there is none. */
  get #oldest(): number {
    return this.#nextNumber - this.#entries.size;
  }

  #find(place: Place): LogReader | null {
    if (isSame(place, this.#newest)) return this.#readFrom(this.#nextNumber, 0);
    if (isSame(place, this.#base)) return this.#readFrom(this.#oldest, 0);
    let number = this.#firstOf.get(place.xid) ?? this.#nextNumber;
    for (;;) {
      const entry = this.#entries.get(number);
      if (entry?.announced.xid !== place.xid) return null;
      const skip = place.rows - entry.announced.before;
      if (skip <= 0) return null;
      if (skip <= rowsOf(entry)) {
        if (!isSame(place, placeIn(entry.announced, skip))) return null;
        return skip === rowsOf(entry) ? this.#readFrom(number + 1, 0) : this.#readFrom(number, skip);
      }
      number += 1;
    }
  }

  #readFrom(first: number, firstSkip: number): LogReader {
    let number = first;
    let skip = firstSkip;
    return {
      next: () => {
        if (number < this.#oldest) return 'lost';
        const entry = this.#entries.get(number);
        if (!entry) return null;
        const message = skip === 0 ? entry : { ...entry, skip };
        number += 1;
        skip = 0;
        return message;
      },
    };
  }

  #append(message: Omit<LoggedMessage, 'skip'>): void {
    const { announced } = message;
    const { xid } = announced;
    const number = this.#nextNumber++;
    const entry = { ...message, skip: 0, heardAtMs: this.#timers.now() };
    this.#entries.set(number, entry);
    if (!this.#firstOf.has(xid)) this.#firstOf.set(xid, number);
    this.#bytes += bytesOf(entry);
    this.#newest = placeIn(announced, rowsOf(entry));
    this.#evict();
  }

  #evict(): void {
    const oldestMs = this.#timers.now() - this.#maxAgeMs;
    for (;;) {
      const number = this.#oldest;
      const entry = this.#entries.get(number);
      if (!entry || (this.#bytes <= this.#maxBytes && entry.heardAtMs >= oldestMs)) return;
      const { xid } = entry.announced;
      this.#entries.delete(number);
      this.#bytes -= bytesOf(entry);
      this.#base = placeIn(entry.announced, rowsOf(entry));
      if (this.#entries.get(number + 1)?.announced.xid === xid) this.#firstOf.set(xid, number + 1);
      else this.#firstOf.delete(xid);
    }
  }

  #begin(): void {
    this.#clear();
    this.#base = { xid: '0', rows: 0, check: randomInt(36 ** 6).toString(36) };
    this.#newest = this.#base;
  }

  /** Those who are reading it have lost the rest. */
  #clear(): void {
    // One at its end has missed nothing yet, but will have when the feed is live again.
    this.#nextNumber += 1;
    this.#entries.clear();
    this.#firstOf.clear();
    this.#bytes = 0;
    this.#base = null;
    this.#newest = null;
  }
}

function rowsOf({ changes }: Pick<Entry, 'changes'>): number {
  return changes?.length ?? 1;
}

function bytesOf({ announced }: Entry): number {
  return announced.bytes * BYTES_PER_BYTE;
}

function isSame(one: Place, other: Place | null): boolean {
  return one.xid === other?.xid && one.rows === other.rows && one.check === other.check;
}
