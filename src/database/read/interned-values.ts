import { writeUuid } from './value-texts.ts';

/*
 * Strings of values that come again and again, row after row: the same string for the same value, which takes no memory
 * anew, is hashed once for all, and is equal to itself at a glance. What was read last has its place; there is nothing to bound.
 */

/** Of each kind: a power of two. */
const PLACES = 1024;
/** A longer text is not taken for one that repeats. */
const MAX_TEXT_BYTES = 64;

interface KnownText {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const TEXTS = new Array<KnownText | undefined>(PLACES).fill(undefined);

/** The text whose bytes lie between two places, in UTF-8. */
export function internedText(bytes: Buffer, from: number, to: number): string {
  if (to - from > MAX_TEXT_BYTES) return bytes.toString('utf8', from, to);
  let mixed = to - from;
  for (let index = from; index < to; index++) mixed = (Math.imul(mixed, 31) + bytes[index]!) | 0;
  const place = (mixed ^ (mixed >>> 16)) & (PLACES - 1);
  const known = TEXTS[place];
  if (known && isSame(known.bytes, bytes, from, to)) return known.text;
  const text = bytes.toString('utf8', from, to);
  // In memory of its own: a small buffer would keep eight kilobytes of others.
  TEXTS[place] = { bytes: new Uint8Array(bytes.subarray(from, to)), text };
  return text;
}

function isSame(known: Uint8Array, bytes: Buffer, from: number, to: number): boolean {
  if (known.length !== to - from) return false;
  for (let index = 0; index < known.length; index++) if (known[index] !== bytes[from + index]) return false;
  return true;
}

interface KnownUuid {
  /** Its 16 bytes, as four numbers. */
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
  // In a UUID of version 7 the last bits are random.
  const place = d & (PLACES - 1);
  const known = UUIDS[place];
  if (known && known.d === d && known.c === c && known.b === b && known.a === a) return known.text;
  const text = writeUuid(bytes, from);
  UUIDS[place] = { a, b, c, d, text };
  return text;
}
