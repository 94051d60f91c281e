/** Where a row stands in an order: the value it is ordered by, then its id, which no two rows share. */
export interface Position {
  readonly value: string | number | null;
  readonly id: string;
}

export type Direction = 'ASC' | 'DESC';

/** A range of an ordered list, and the end of it at which a page lies. */
export interface PageRange {
  /** The range begins behind it; `null`: at the start of the list. */
  readonly after: Position | null;
  /** The range ends before it; `null`: at the end of the list. */
  readonly before: Position | null;
  /** A page from the start holds the first rows of the range, one from the end the last rows. Both are in the list's order. */
  readonly from: 'START' | 'END';
}

/** The whole list, read from its start. */
export const FROM_START: PageRange = { from: 'START', after: null, before: null };

/** What a page of an ordered list speaks for: the range from the end at which the page lies, up to and including `next`. */
export interface PageBounds extends PageRange {
  readonly direction: Direction;
  /**
   * The next row of the range beyond the page: behind a page from the start, before one from the end. The page tells of its
   * presence. `null`: the page reaches the other end of the range.
   */
  readonly next: Position | null;
}

/**
 * Whether a change of one row can alter a cached page.
 *
 * Rule: let I be the interval of the order that the page speaks for. The page is affected when the row stands in I before
 * or after the change, unless it does both at the same position.
 *
 * Proof sketch: the page is a function of the list's members in I, in order: `next` is the one farthest from the end at which
 * the page lies, and the page's rows are the others. A row that is in I neither before nor after the change leaves that sequence as it is, and so does one that
 * keeps its position in I: only its content is new, and content is not kept in the page but in the record.
 *
 * While the page is still being loaded `next` is not known: `null` stands for the end of the range and errs on the safe
 * side, because a larger interval only makes more changes count.
 *
 * @param before where the row stood in the list; `null`: it was no member
 * @param now where it stands; `null`: it is no member
 */
export function isPageAffected(bounds: PageBounds, before: Position | null, now: Position | null): boolean {
  const was = before && isWithin(bounds, before) ? before : null;
  const is = now && isWithin(bounds, now) ? now : null;
  if (was === null || is === null) return was !== is;
  return comparePositions(bounds.direction, was, is) !== 0;
}

/**
 * Compares two positions; negative when `a` comes first. Rows without a value come last in either direction, equal values
 * are ordered by id in the same direction, and text by code point, as in PostgreSQL's collation "C".
 */
export function comparePositions(direction: Direction, a: Position, b: Position): number {
  if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
  const sign = direction === 'ASC' ? 1 : -1;
  return sign * (compareValues(a.value, b.value) || compareValues(a.id, b.id));
}

function isWithin({ direction, from, after, before, next }: PageBounds, position: Position): boolean {
  if (after && comparePositions(direction, position, after) <= 0) return false;
  if (before && comparePositions(direction, position, before) >= 0) return false;
  if (!next) return true;
  const fromNext = comparePositions(direction, position, next);
  return from === 'START' ? fromNext <= 0 : fromNext >= 0;
}

function compareValues(a: Position['value'], b: Position['value']): number {
  if (typeof a === 'string' && typeof b === 'string') return compareByCodePoint(a, b);
  if (a === b) return 0;
  return (a as number) < (b as number) ? -1 : 1;
}

/** As PostgreSQL compares texts in the collation "C". */
export function compareByCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = codePointRank(a.charCodeAt(index)) - codePointRank(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Moves surrogates, of which code points from U+10000 on are made, behind the other UTF-16 units. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
