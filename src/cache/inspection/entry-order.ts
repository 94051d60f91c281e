import { hash } from 'node:crypto';

/** What entries and derived values are ordered by. */
export interface Ordered {
  readonly key: string;
  /** Estimated. */
  readonly bytes: number;
  readonly hits: number;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
}

export interface EntryOrder {
  readonly by: keyof Ordered;
  readonly direction: 'ASC' | 'DESC';
}

/** Where an entry stands in an order. Names the place also when the entry has left. */
export interface EntryPlace {
  /** `null` in the order of keys. */
  readonly value: number | null;
  /** Decides between equal values: the key, or for a long one its beginning and a hash. */
  readonly id: string;
}

/** The longest `id` of a place, so the longest key that it holds as it is. */
export const MAX_PLACE_ID_LENGTH = 256;
const BEGINNING = 200;

export function placeOf(entry: Ordered, { by }: EntryOrder): EntryPlace {
  return { value: by === 'key' ? null : entry[by], id: idOf(entry.key) };
}

/** Negative when `one` comes before `other`. */
export function comparePlaces(one: EntryPlace, other: EntryPlace, { direction }: EntryOrder): number {
  const ascending = (one.value ?? 0) - (other.value ?? 0) || compareTexts(one.id, other.id);
  return direction === 'ASC' ? ascending : -ascending;
}

function idOf(key: string): string {
  if (key.length <= MAX_PLACE_ID_LENGTH) return key;
  return `${key.slice(0, BEGINNING)} ${hash('sha256', key, 'base64url')}`;
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
