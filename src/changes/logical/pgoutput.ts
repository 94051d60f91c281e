/** A table as the stream describes it before its first change, and again after it was altered. */
export interface Relation {
  readonly relid: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: number }[];
}

/** The values of a row as text, in the order of its columns. `undefined`: a large value that the update left unchanged. */
export type Tuple = readonly (string | null | undefined)[];

/** One message of the plugin `pgoutput` (PostgreSQL, "Logical Replication Message Formats"), protocol version 1. */
export type PgOutputMessage =
  | {
      readonly kind: 'begin';
      /** The lower 32 bits of the transaction's id. */
      readonly xid: number;
      /** In milliseconds since 1970, with a fraction. */
      readonly committedAtMs: number;
    }
  | { readonly kind: 'commit' }
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'insert'; readonly relid: number; readonly new: Tuple }
  /** `old` is `null` where the table's replica identity does not give the whole row before. */
  | { readonly kind: 'update'; readonly relid: number; readonly old: Tuple | null; readonly new: Tuple }
  | { readonly kind: 'delete'; readonly relid: number; readonly old: Tuple | null }
  | { readonly kind: 'truncate'; readonly relids: readonly number[] }
  /** Sent by `pg_logical_emit_message`. */
  | { readonly kind: 'message'; readonly prefix: string; readonly content: string }
  /** What no change depends on: types and origins. */
  | { readonly kind: 'other' };

/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/** @throws {RangeError} when it is cut off, or not of this protocol */
export function decodePgOutput(buffer: Buffer): PgOutputMessage {
  const reader = new Reader(buffer);
  switch (reader.character()) {
    case 'B': {
      reader.skip(8);
      const committedAtMs = Number(reader.int64()) / 1000 + EPOCH_MS;
      return { kind: 'begin', committedAtMs, xid: reader.uint32() };
    }
    case 'C':
      return { kind: 'commit' };
    case 'R':
      return { kind: 'relation', relation: readRelation(reader) };
    case 'I':
      return { kind: 'insert', relid: reader.uint32(), new: readNew(reader) };
    case 'U': {
      const relid = reader.uint32();
      const marker = reader.character();
      if (marker === 'N') return { kind: 'update', relid, old: null, new: readTuple(reader) };
      const before = readTuple(reader);
      return { kind: 'update', relid, old: marker === 'O' ? before : null, new: readNew(reader) };
    }
    case 'D': {
      const relid = reader.uint32();
      const isWhole = reader.character() === 'O';
      const before = readTuple(reader);
      return { kind: 'delete', relid, old: isWhole ? before : null };
    }
    case 'T': {
      const count = reader.uint32();
      reader.skip(1);
      return { kind: 'truncate', relids: Array.from({ length: count }, () => reader.uint32()) };
    }
    case 'M': {
      reader.skip(9);
      const prefix = reader.name();
      return { kind: 'message', prefix, content: reader.text(reader.uint32()) };
    }
    case 'Y':
    case 'O':
      return { kind: 'other' };
    default:
      throw new RangeError('The replication stream holds a message that is not of its protocol.');
  }
}

function readRelation(reader: Reader): Relation {
  const relid = reader.uint32();
  const schema = reader.name();
  const table = reader.name();
  reader.skip(1);
  const columns = Array.from({ length: reader.uint16() }, () => {
    reader.skip(1);
    const column = { name: reader.name(), type: reader.uint32() };
    reader.skip(4);
    return column;
  });
  return { relid, schema, table, columns };
}

function readNew(reader: Reader): Tuple {
  if (reader.character() !== 'N') throw new RangeError('The replication stream holds no row where one belongs.');
  return readTuple(reader);
}

function readTuple(reader: Reader): Tuple {
  const count = reader.uint16();
  const values: (string | null | undefined)[] = [];
  for (let index = 0; index < count; index++) {
    const kind = reader.character();
    if (kind === 't') values.push(reader.text(reader.uint32()));
    else values.push(kind === 'n' ? null : undefined);
  }
  return values;
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  character(): string {
    const code = this.#buffer.readUInt8(this.#at);
    this.#at += 1;
    return String.fromCharCode(code);
  }

  uint16(): number {
    const value = this.#buffer.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  uint32(): number {
    const value = this.#buffer.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  int64(): bigint {
    const value = this.#buffer.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  text(bytes: number): string {
    const end = this.#at + bytes;
    if (end > this.#buffer.length) throw new RangeError('A message of the replication stream is cut off.');
    const value = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end;
    return value;
  }

  /** A text that ends with a zero byte. */
  name(): string {
    const end = this.#buffer.indexOf(0, this.#at);
    if (end === -1) throw new RangeError('A message of the replication stream is cut off.');
    const value = this.#buffer.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return value;
  }
}
