/** A row of a result, read value after value in the order of its columns. A value that is null is `null`. */
export interface RowReader {
  /** Of a column of type text. May keep the rest of its row in memory. */
  text(): string | null;
  /** The same, of a column whose values repeat: the same string for all that were read lately. Keeps nothing but itself. */
  repeatedText(): string | null;
  /** Of a column of type uuid. Keeps nothing but itself. */
  uuid(): string | null;
  /** The same, of a column whose values repeat. */
  repeatedUuid(): string | null;
  /** Of a column of type inet that holds single addresses, as `host()` writes them. Keeps nothing but itself. */
  ip(): string | null;
  /** Of a column of type float8. */
  float(): number | null;
  /** Of a column of type int4. */
  int(): number | null;
  /** Of a column of type timestamptz(3): the milliseconds since the epoch. */
  timeMs(): number | null;
}

/**
 * Reads rows from the bytes of DataRow messages whose values are in binary format (PostgreSQL, "Message Formats" and the
 * `send` function of each type).
 *
 * A driver makes a string of each value and then a value of each string, which takes longer than all the rest of a read.
 * Here a row is made a string once, from its first text on, of which its texts are parts.
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

  repeatedText(): string | null {
    const length = this.#int32();
    if (length < 0) return null;
    const from = this.#at;
    this.#at = from + length;
    const bytes = this.#bytes;
    if (length > MAX_REPEATED_BYTES) return bytes.toString('utf8', from, this.#at);
    let mixed = length;
    for (let index = from; index < this.#at; index++) mixed = (Math.imul(mixed, 31) + bytes[index]!) | 0;
    const place = (mixed ^ (mixed >>> 16)) & (LATELY_READ - 1);
    const known = KNOWN_TEXTS[place];
    if (known && isSame(known.bytes, bytes, from, length)) return known.text;
    const text = bytes.toString('utf8', from, this.#at);
    KNOWN_TEXTS[place] = { bytes: Buffer.from(bytes.subarray(from, this.#at)), text };
    return text;
  }

  uuid(): string | null {
    if (this.#int32() < 0) return null;
    const from = this.#at;
    this.#at = from + UUID_BYTES;
    return writeUuid(this.#bytes, from);
  }

  repeatedUuid(): string | null {
    if (this.#int32() < 0) return null;
    const from = this.#at;
    const a = this.#int32();
    const b = this.#int32();
    const c = this.#int32();
    const d = this.#int32();
    // In a UUID of version 7 the last bits are random.
    const place = d & (LATELY_READ - 1);
    const known = KNOWN_UUIDS[place];
    if (known && known.d === d && known.c === c && known.b === b && known.a === a) return known.text;
    const text = writeUuid(this.#bytes, from);
    KNOWN_UUIDS[place] = { a, b, c, d, text };
    return text;
  }

  ip(): string | null {
    const length = this.#int32();
    if (length < 0) return null;
    const from = this.#at + INET_HEADER_BYTES;
    this.#at += length;
    return this.#at - from === 4 ? writeIPv4(this.#bytes, from) : writeIPv6(this.#bytes, from);
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

  repeatedText(): string | null {
    return this.#value() as string | null;
  }

  uuid(): string | null {
    return this.#value() as string | null;
  }

  repeatedUuid(): string | null {
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

  timeMs(): number | null {
    return this.#value() as number | null;
  }

  #value(): unknown {
    return this.#values[this.#next++];
  }
}

/** How many values that repeat are remembered of each kind: a power of two. */
const LATELY_READ = 1024;
/** Longer texts are not looked for among those that repeat. */
const MAX_REPEATED_BYTES = 64;
const KNOWN_TEXTS = new Array<{ readonly bytes: Buffer; readonly text: string } | undefined>(LATELY_READ).fill(
  undefined,
);

function isSame(known: Buffer, bytes: Buffer, from: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let index = 0; index < length; index++) if (known[index] !== bytes[from + index]) return false;
  return true;
}

/** Groups of a UUID, in bytes (RFC 9562, section 4). */
const UUID_GROUPS = [4, 2, 2, 2, 6];
const UUID_BYTES = 16;
/** Where the digits of each byte stand, and where hyphens do in between. */
const UUID_PLACES = Uint8Array.from(
  UUID_GROUPS.flatMap((bytes, group) => new Array<number>(bytes).fill(group)).map((group, byte) => 2 * byte + group),
);
const UUID_TEXT = Buffer.from('-'.repeat(2 * UUID_BYTES + UUID_GROUPS.length - 1));
const DIGITS = Buffer.from('0123456789abcdef');

function writeUuid(bytes: Buffer, from: number): string {
  for (let index = 0; index < UUID_BYTES; index++) {
    const byte = bytes[from + index]!;
    const place = UUID_PLACES[index]!;
    UUID_TEXT[place] = DIGITS[byte >> 4]!;
    UUID_TEXT[place + 1] = DIGITS[byte & 15]!;
  }
  return UUID_TEXT.toString('latin1');
}

interface KnownUuid {
  /** Its 16 bytes, as four numbers. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly text: string;
}

const KNOWN_UUIDS = new Array<KnownUuid | undefined>(LATELY_READ).fill(undefined);

/** Before an address stand its family, the length of its netmask, whether it is a network, and its own length. */
const INET_HEADER_BYTES = 4;
const IPV4_TEXT = Buffer.alloc('255.255.255.255'.length);
const ZERO = '0'.charCodeAt(0);
const DOT = '.'.charCodeAt(0);

function writeIPv4(bytes: Buffer, from: number): string {
  let end = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[from + index]!;
    if (index > 0) IPV4_TEXT[end++] = DOT;
    if (byte >= 100) IPV4_TEXT[end++] = ZERO + Math.trunc(byte / 100);
    if (byte >= 10) IPV4_TEXT[end++] = ZERO + (Math.trunc(byte / 10) % 10);
    IPV4_TEXT[end++] = ZERO + (byte % 10);
  }
  return IPV4_TEXT.toString('latin1', 0, end);
}

const IPV6_GROUPS = 8;

/**
 * As PostgreSQL's `inet_net_ntop.c` has it: the longest run of two or more zero groups is left out, the first of several,
 * and what embeds an IPv4 address (RFC 4291, section 2.5.5) ends in that.
 */
function writeIPv6(bytes: Buffer, from: number): string {
  const group = (index: number) => (bytes[from + 2 * index]! << 8) | bytes[from + 2 * index + 1]!;
  const { start, length } = longestZeros(group);
  const embedsIPv4 = start === 0 && (length === 6 || (length === 5 && group(5) === 0xffff));
  let text = '';
  for (let index = 0; index < IPV6_GROUPS; index++) {
    if (length > 1 && index === start) {
      text += index === 0 ? '::' : ':';
      index += length - 1;
      continue;
    }
    if (index === 6 && embedsIPv4) return text + writeIPv4(bytes, from + 12);
    text += group(index).toString(16);
    if (index < IPV6_GROUPS - 1) text += ':';
  }
  return text;
}

function longestZeros(group: (index: number) => number): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < IPV6_GROUPS; start++) {
    let end = start;
    while (end < IPV6_GROUPS && group(end) === 0) end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}

const NOTHING = Buffer.alloc(0);
const COLUMN_COUNT_BYTES = 2;
/** PostgreSQL counts time from here. */
const POSTGRESQL_EPOCH_MS = Date.UTC(2000, 0, 1);
