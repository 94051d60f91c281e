import { isIP } from 'node:net';
import type { RowReader } from './row-reader.ts';

/**
 * Reads rows from the bytes of DataRow messages whose values are in text format. Used for column types whose binary format
 * `MessageRow` does not know.
 */
export class TextRow implements RowReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Moves to a row: the body of a message, which begins at `start`. */
  begin(bytes: Buffer, start: number): void {
    this.#bytes = bytes;
    this.#at = start + COLUMN_COUNT_BYTES;
  }

  text(): string | null {
    return this.#next();
  }

  internedText(): string | null {
    return this.#next();
  }

  uuid(): string | null {
    return this.#next();
  }

  internedUuid(): string | null {
    return this.#next();
  }

  ip(): string | null {
    const text = this.#next();
    return text === null || isIP(text) !== 0 ? text : refuse(text, 'an address');
  }

  float(): number | null {
    return this.#number(Number.isFinite);
  }

  int(): number | null {
    return this.#number(Number.isSafeInteger);
  }

  bigint(): number | null {
    return this.#number(Number.isSafeInteger);
  }

  boolean(): boolean | null {
    const text = this.#next();
    return text === null ? null : text === 't';
  }

  timeMs(): number | null {
    const text = this.#next();
    if (text === null) return null;
    const timeMs = parseTime(text);
    return Number.isNaN(timeMs) ? refuse(text, 'a time') : timeMs;
  }

  texts(): readonly string[] | null {
    const text = this.#next();
    return text === null ? null : Object.freeze(parseTexts(text));
  }

  skip(columns: number): void {
    for (let column = 0; column < columns; column++) this.#next();
  }

  #number(isFit: (value: number) => boolean): number | null {
    const text = this.#next();
    if (text === null) return null;
    const value = Number(text);
    return isFit(value) ? value : refuse(text, 'a number that can be read exactly');
  }

  #next(): string | null {
    const length = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    if (length < 0) return null;
    const from = this.#at;
    this.#at += length;
    return this.#bytes.toString('utf8', from, this.#at);
  }
}

const COLUMN_COUNT_BYTES = 2;

/**
 * Parses a timestamptz as PostgreSQL prints it, with a space before the time and usually no minutes in the offset. Returns
 * milliseconds since the epoch. `Date.parse` would misread the years 0 to 99 in this form.
 */
export function parseTime(text: string): number {
  return Date.parse(text.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00'));
}

/** Parses an array as PostgreSQL prints it (array_out): `{a,"b c","with \\" and \\\\"}`. */
function parseTexts(text: string): string[] {
  const elements = text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs);
  return Array.from(elements, ([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/gs, '$1'));
}

function refuse(text: string, what: string): never {
  throw new RangeError(`A column holds ${JSON.stringify(text)}, which is not ${what}.`);
}
