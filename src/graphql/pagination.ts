import { Field, ObjectType } from 'type-graphql';
import type { Position } from '../collections/index.ts';
import { StationmasterError } from '../errors.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from './page-size.ts';

/** The checked paging arguments. */
export interface PageRequest {
  readonly first: number;
  /** Rows up to and including this position are skipped. */
  readonly after: Position | null;
}

/** A list in one of its orders. Cursors are bound to it. */
export interface ListCursors {
  readonly name: string;
  /** Whether a row can have this value in the ordered column. Checked because clients can forge cursors. */
  readonly isValue: (value: Position['value']) => boolean;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Where a page stands in its list (Relay Cursor Connections Specification).',
})
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether more rows follow this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether the page was asked for with `after`, so that rows precede it.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first row; null on an empty page.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last row: pass it as `after` to go on.' })
  endCursor!: string | null;
}

/**
 * Checks the paging arguments of a list.
 * @param order the order of the list; a cursor from another order is refused
 * @throws {StationmasterError} BAD_USER_INPUT with the field `first` or `after`
 */
export function pageRequest(
  first: number | null | undefined,
  after: string | null | undefined,
  order: ListCursors,
): PageRequest {
  const size = first ?? DEFAULT_PAGE_SIZE;
  if (size < 1 || size > MAX_PAGE_SIZE) {
    const message = `A page has 1 to ${MAX_PAGE_SIZE} rows; ${size} were asked for.`;
    throw new StationmasterError('BAD_USER_INPUT', message, { field: 'first' });
  }
  return { first: size, after: after == null ? null : decodeCursor(after, order) };
}

/** An opaque cursor: the position and the order it belongs to. */
export function encodeCursor({ value, id }: Position, order: string): string {
  return Buffer.from(JSON.stringify([order, value, id])).toString('base64url');
}

const MAX_CURSOR_LENGTH = 2048;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function decodeCursor(cursor: string, order: ListCursors): Position {
  const parts = cursor.length <= MAX_CURSOR_LENGTH ? parseCursor(cursor) : null;
  if (!parts) throw badCursor('The cursor is not one of this API.');
  if (parts[0] !== order.name) {
    throw badCursor('The cursor belongs to another list or another order; start from the first page.');
  }
  if (!order.isValue(parts[1])) throw badCursor('The cursor is not one of this API.');
  return { value: parts[1], id: parts[2] };
}

function badCursor(message: string): StationmasterError {
  return new StationmasterError('BAD_USER_INPUT', message, { field: 'after' });
}

function parseCursor(cursor: string): [string, Position['value'], string] | null {
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 3) return null;
    const [order, value, id] = parts;
    const isValue = value === null || typeof value === 'string' || Number.isFinite(value);
    return typeof order === 'string' && isValue && typeof id === 'string' && UUID.test(id) ? [order, value, id] : null;
  } catch {
    return null;
  }
}
