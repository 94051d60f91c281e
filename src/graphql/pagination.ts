import { Field, ObjectType } from 'type-graphql';
import type { PageRange, Position } from '../collections/index.ts';
import { badInput } from './input-checks.ts';
import type { PageArguments } from './page-arguments.ts';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from './page-size.ts';

/** The checked paging arguments. */
export interface PageRequest extends PageRange {
  readonly size: number;
}

/** A list in one of its orders. Cursors are bound to it. */
export interface ListCursors {
  readonly name: string;
  /** Whether a row can have this value in the ordered column. Checked because clients can forge cursors. */
  readonly isValue: (value: Position['value']) => boolean;
  /** Whether a row can have this id. Default: it is a UUID. */
  readonly isId?: (id: string) => boolean;
}

@ObjectType({
  simpleResolvers: true,
  description: 'Where a page stands in its list (Relay Cursor Connections Specification).',
})
export class PageInfo {
  @Field(() => Boolean, {
    description:
      'Paging forward: whether more rows follow this page, up to `before` if it is given. Paging backward: whether `before` is given, so that rows follow.',
  })
  hasNextPage!: boolean;

  @Field(() => Boolean, {
    description:
      'Paging backward: whether more rows precede this page, down to `after` if it is given. Paging forward: whether `after` is given, so that rows precede.',
  })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the first row: pass it as `before` to page backward; null on an empty page.',
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the last row: pass it as `after` to page forward; null on an empty page.',
  })
  endCursor!: string | null;
}

/**
 * Checks the paging arguments of a list. `null` is as good as nothing.
 * @param order the order of the list; a cursor from another order is refused
 * @throws {StationmasterError} BAD_USER_INPUT with the argument at fault as the field
 */
export function pageRequest({ first, last, after, before }: PageArguments, order: ListCursors): PageRequest {
  if (first != null && last != null) {
    throw badInput('A list is paged forward with `first` or backward with `last`; both were given.', 'last');
  }
  return {
    size: last == null ? checkSize(first ?? DEFAULT_PAGE_SIZE, 'first') : checkSize(last, 'last'),
    from: last == null ? 'START' : 'END',
    after: after == null ? null : decodeCursor(after, 'after', order),
    before: before == null ? null : decodeCursor(before, 'before', order),
  };
}

/** As Relay's specification has it: exact in the direction of paging; in the other one, where the client comes from. */
export function neighbors(
  { from, after, before }: PageRequest,
  hasMore: boolean,
): Pick<PageInfo, 'hasNextPage' | 'hasPreviousPage'> {
  return from === 'START'
    ? { hasNextPage: hasMore, hasPreviousPage: after !== null }
    : { hasNextPage: before !== null, hasPreviousPage: hasMore };
}

/**
 * Returns the size of a page, or of a list without pages.
 * @throws {StationmasterError} BAD_USER_INPUT with that field
 */
export function checkSize(size: number, field: string): number {
  if (size >= 1 && size <= MAX_PAGE_SIZE) return size;
  throw badInput(`A page has 1 to ${MAX_PAGE_SIZE} rows; ${size} were asked for.`, field);
}

/** An opaque cursor: the position and the order it belongs to. */
export function encodeCursor({ value, id }: Position, order: string): string {
  return Buffer.from(JSON.stringify([order, value, id])).toString('base64url');
}

const MAX_CURSOR_LENGTH = 2048;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const isUuid = (id: string) => UUID.test(id);

function decodeCursor(cursor: string, field: string, order: ListCursors): Position {
  const parts = cursor.length <= MAX_CURSOR_LENGTH ? parseCursor(cursor) : null;
  if (!parts) throw badInput('The cursor is not one of this API.', field);
  if (parts[0] !== order.name) {
    throw badInput('The cursor belongs to another list or another order; start from the first page.', field);
  }
  const { isId = isUuid, isValue } = order;
  if (!isValue(parts[1]) || !isId(parts[2])) throw badInput('The cursor is not one of this API.', field);
  return { value: parts[1], id: parts[2] };
}

function parseCursor(cursor: string): [string, Position['value'], string] | null {
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 3) return null;
    const [order, value, id] = parts;
    const isValue = value === null || typeof value === 'string' || Number.isFinite(value);
    return typeof order === 'string' && isValue && typeof id === 'string' ? [order, value, id] : null;
  } catch {
    return null;
  }
}
