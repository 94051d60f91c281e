import { internedText, internedUuid } from './interned-values.ts';
import { UUID_BYTES, writeIp, writeUuid } from './value-texts.ts';

/** A row of a result. Its values are read one by one, in the order of the columns. SQL null is read as `null`. */
export interface RowReader {
  /** For a text column. The string may keep the rest of its row in memory. */
  text(): string | null;
  /** For a text column whose values repeat: equal values usually share one string, which keeps nothing else in memory. */
  internedText(): string | null;
  /** For a uuid column. The string keeps nothing else in memory. */
  uuid(): string | null;
  /** For a uuid column whose values repeat. */
  internedUuid(): string | null;
  /** For an inet column with single addresses, in the form of `host()`. The string keeps nothing else in memory. */
  ip(): string | null;
  /** For a float8 column. */
  float(): number | null;
  /** For an int4 column. */
  int(): number | null;
  /** A whole number of at most 53 bits. */
  bigint(): number | null;
  /** For a bool column. */
  boolean(): boolean | null;
  /** For a timestamptz(3) column: milliseconds since the epoch. */
  timeMs(): number | null;
  /** For a text[] column of one dimension without nulls. The strings are interned, and the array is frozen. */
  texts(): readonly string[] | null;
  /** Skips the next columns, of any type. */
  skip(columns: number): void;
}

/**
 * Reads rows from the bytes of DataRow messages whose values are in binary format (PostgreSQL, "Message Formats" and the
 * `send` function of each type).
 *
 * Drivers convert each value to a string and then each string to a value, which takes longer than the rest of a read. This
 * reader decodes the row once, from its first `text()` on; ASCII texts are slices of that string.
 */
export class MessageRow implements RowReader {
  #bytes: Buffer = NOTHING;
  /** The offset of the next value, and the end of the row. */
  #at = 0;
  #end = 0;
  /** The row decoded from its first text on; empty until then. */
  #text = '';
  #textStart = 0;

  /** Moves to a row: the body of a message, from `start` to `end`. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start + COLUMN_COUNT_BYTES;
    this.#end = end;
    this.#text = '';
  }

  /** Drops the reference to the bytes. */
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

  bigint(): number | null {
    if (this.#int32() < 0) return null;
    return this.#int32() * 2 ** 32 + (this.#int32() >>> 0);
  }

  boolean(): boolean | null {
    if (this.#int32() < 0) return null;
    return this.#bytes[this.#at++] !== 0;
  }

  texts(): readonly string[] | null {
    if (this.#int32() < 0) return null;
    const dimensions = this.#int32();
    // Whether there are nulls, and the type of the elements.
    this.#at += 8;
    if (dimensions === 0) return NO_TEXTS;
    const count = this.#int32();
    // Where its indexes begin.
    this.#at += 4;
    const texts: string[] = [];
    for (let index = 0; index < count; index++) texts.push(this.internedText()!);
    return Object.freeze(texts);
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
    // The time in microseconds is `high` * 2 ** 32 + `low`. As one sum it would exceed the precision of a double.
    return high * 4_294_967 + (high * 296 + low) / 1000 + POSTGRESQL_EPOCH_MS;
  }

  #int32(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + 4;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
}

/** Reads rows whose values the driver has already converted, times to milliseconds since the epoch. */
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

  bigint(): number | null {
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

  texts(): readonly string[] | null {
    const texts = this.#value() as string[] | null;
    return texts && Object.freeze(texts);
  }

  skip(columns: number): void {
    this.#next += columns;
  }

  #value(): unknown {
    return this.#values[this.#next++];
  }
}

const NOTHING = Buffer.alloc(0);
const NO_TEXTS: readonly string[] = Object.freeze([]);
const COLUMN_COUNT_BYTES = 2;
/** An address follows its family, netmask length, network flag and own length. */
const INET_HEADER_BYTES = 4;
/** PostgreSQL's epoch. */
const POSTGRESQL_EPOCH_MS = Date.UTC(2000, 0, 1);
