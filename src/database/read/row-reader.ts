import { internedText, internedUuid } from './interned-values.ts';
import { UUID_BYTES, writeIp, writeUuid } from './value-texts.ts';

/** A row of a result, read value after value in the order of its columns. A value that is null is `null`. */
export interface RowReader {
  /** Of a column of type text. May keep the rest of its row in memory. */
  text(): string | null;
  /** The same, of a column whose values repeat: as a rule one string for all that are equal. Keeps nothing but itself. */
  internedText(): string | null;
  /** Of a column of type uuid. Keeps nothing but itself. */
  uuid(): string | null;
  /** The same, of a column whose values repeat. */
  internedUuid(): string | null;
  /** Of a column of type inet that holds single addresses, as `host()` writes them. Keeps nothing but itself. */
  ip(): string | null;
  /** Of a column of type float8. */
  float(): number | null;
  /** Of a column of type int4. */
  int(): number | null;
  /** Of a column of type bool. */
  boolean(): boolean | null;
  /** Of a column of type timestamptz(3): the milliseconds since the epoch. */
  timeMs(): number | null;
  /** Passes over the next columns, of any type. */
  skip(columns: number): void;
}

/**
 * Reads rows from the bytes of DataRow messages whose values are in binary format (PostgreSQL, "Message Formats" and the
 * `send` function of each type).
 *
 * A driver makes a string of each value and then a value of each string, which takes longer than all the rest of a read.
 * Here a row is made a string once, from the first `text()` on, of which those in ASCII are parts.
 */
export class MessageRow implements RowReader {
  #bytes: Buffer = NOTHING;
  /** Where the next value begins in the bytes, and where the row ends. */
  #at = 0;
  #end = 0;
  /** The rest of the row from where its first text begins; empty before that. */
  #text = '';
  #textStart = 0;

  /** Goes to a row: the body of a message, which lies between two places of `bytes`. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start + COLUMN_COUNT_BYTES;
    this.#end = end;
    this.#text = '';
  }

  /** Lets go of the bytes. */
  end(): void {
    this.#bytes = NOTHING;
    this.#text = '';
  }

  text(): string | null {
    const length = this.#int32();
    if (length < 0) return null;
    const from = this.#at;
    const to = from + length;
    this.#at = to;
    const bytes = this.#bytes;
    if (this.#text === '') {
      this.#text = bytes.toString('latin1', from, this.#end);
      this.#textStart = from;
    }
    let seen = 0;
    for (let index = from; index < to; index++) seen |= bytes[index]!;
    const isAscii = seen < 0x80;
    return isAscii ? this.#text.slice(from - this.#textStart, to - this.#textStart) : bytes.toString('utf8', from, to);
  }

  internedText(): string | null {
    const length = this.#int32();
    if (length < 0) return null;
    const from = this.#at;
    this.#at = from + length;
    return internedText(this.#bytes, from, this.#at);
  }

  uuid(): string | null {
    if (this.#int32() < 0) return null;
    const from = this.#at;
    this.#at = from + UUID_BYTES;
    return writeUuid(this.#bytes, from);
  }

  internedUuid(): string | null {
    if (this.#int32() < 0) return null;
    const from = this.#at;
    this.#at = from + UUID_BYTES;
    return internedUuid(this.#bytes, from);
  }

  ip(): string | null {
    const length = this.#int32();
    if (length < 0) return null;
    const from = this.#at + INET_HEADER_BYTES;
    this.#at += length;
    return writeIp(this.#bytes, from, this.#at);
  }

  float(): number | null {
    if (this.#int32() < 0) return null;
    const value = this.#bytes.readDoubleBE(this.#at);
    this.#at += 8;
    return value;
  }

  int(): number | null {
    return this.#int32() < 0 ? null : this.#int32();
  }

  boolean(): boolean | null {
    if (this.#int32() < 0) return null;
    return this.#bytes[this.#at++] !== 0;
  }

  skip(columns: number): void {
    for (let column = 0; column < columns; column++) {
      const length = this.#int32();
      if (length > 0) this.#at += length;
    }
  }

  timeMs(): number | null {
    if (this.#int32() < 0) return null;
    const high = this.#int32();
    const low = this.#int32() >>> 0;
    // The microseconds are `high` times 2 ** 32, which is 4,294,967,296, and `low`: in one sum more than a float holds.
    return high * 4_294_967 + (high * 296 + low) / 1000 + POSTGRESQL_EPOCH_MS;
  }

  #int32(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + 4;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
}

/** Reads rows that a driver has made values of already, of times the milliseconds since the epoch. */
export class ValuesRow implements RowReader {
  #values: readonly unknown[] = [];
  #next = 0;

  begin(values: readonly unknown[]): void {
    this.#values = values;
    this.#next = 0;
  }

  text(): string | null {
    return this.#value() as string | null;
  }

  internedText(): string | null {
    return this.#value() as string | null;
  }

  uuid(): string | null {
    return this.#value() as string | null;
  }

  internedUuid(): string | null {
    return this.#value() as string | null;
  }

  ip(): string | null {
    return this.#value() as string | null;
  }

  float(): number | null {
    return this.#value() as number | null;
  }

  int(): number | null {
    return this.#value() as number | null;
  }

  boolean(): boolean | null {
    return this.#value() as boolean | null;
  }

  timeMs(): number | null {
    return this.#value() as number | null;
  }

  skip(columns: number): void {
    this.#next += columns;
  }

  #value(): unknown {
    return this.#values[this.#next++];
  }
}

const NOTHING = Buffer.alloc(0);
const COLUMN_COUNT_BYTES = 2;
/** Before an address stand its family, the length of its netmask, whether it is a network, and its own length. */
const INET_HEADER_BYTES = 4;
/** PostgreSQL counts time from here. */
const POSTGRESQL_EPOCH_MS = Date.UTC(2000, 0, 1);
