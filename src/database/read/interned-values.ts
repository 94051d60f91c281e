import { writeUuid } from './value-texts.ts';

/*
 * Interns strings that repeat from row to row. Equal values share one string, which needs no new memory, is hashed once, and
 * compares by identity. Each value has one slot in a table of fixed size; a newer value with the same slot replaces it.
 */

/** The number of slots for each kind of value; a power of two. */
const PLACES = 1024;
/** Longer texts are assumed not to repeat. */
const MAX_TEXT_BYTES = 64;

interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const TEXTS = new Array<KnownText | undefined>(PLACES).fill(undefined);

/** The UTF-8 text from `from` to `to`, interned. */
export function internedText(bytes: Buffer, from: number, to: number): string {
  if (to - from > MAX_TEXT_BYTES) return bytes.toString('utf8', from, to);
  let mixed = to - from;
  for (let index = from; index < to; index++) mixed = (Math.imul(mixed, 31) + bytes[index]!) | 0;
  const place = (mixed ^ (mixed >>> 16)) & (PLACES - 1);
  const known = TEXTS[place];
  if (known && isSame(known.bytes, bytes, from, to)) return known.text;
  const text = bytes.toString('utf8', from, to);
  // Copied into memory of its own: a small `Buffer` would keep its whole 8 KB pool alive.
  TEXTS[place] = { bytes: new Uint8Array(bytes.subarray(from, to)), text };
  return text;
}

function isSame(known: Uint8Array, bytes: Buffer, from: number, to: number): boolean {
  if (known.length !== to - from) return false;
  for (let index = 0; index < known.length; index++) if (known[index] !== bytes[from + index]) return false;
  return true;
}

interface KnownUuid {
  /** The 16 bytes of the UUID, as four numbers. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly text: string;
}

const UUIDS = new Array<KnownUuid | undefined>(PLACES).fill(undefined);

export function internedUuid(bytes: Buffer, from: number): string {
  const a = bytes.readInt32BE(from);
  const b = bytes.readInt32BE(from + 4);
  const c = bytes.readInt32BE(from + 8);
  const d = bytes.readInt32BE(from + 12);
  // The last bits of a version 7 UUID are random, so they make a good hash.
  const place = d & (PLACES - 1);
  const known = UUIDS[place];
  if (known && known.d === d && known.c === c && known.b === b && known.a === a) return known.text;
  const text = writeUuid(bytes, from);
  UUIDS[place] = { a, b, c, d, text };
  return text;
}
