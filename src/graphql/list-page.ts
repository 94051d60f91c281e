import type { GraphQLResolveInfo } from 'graphql';
import type { Collection, Identified, ListOrder, NormalizedFilter, OpenCollection } from '../collections/index.ts';
import type { Context } from './context.ts';
import type { PageArguments } from './page-arguments.ts';
import { encodeCursor, type ListCursors, neighbors, type PageInfo, pageRequest } from './pagination.ts';
import { fieldsOfRows } from './selections.ts';

export interface ListArguments<FilterGiven, OrderField extends string> extends Readonly<PageArguments> {
  readonly filter?: FilterGiven | null;
  readonly orderBy?: ListOrder<OrderField> | null;
  /** Restricts the list in addition to the filter: `{ managerId }` for the workstations of one manager. */
  readonly within?: NormalizedFilter;
}

/** The list that a page is part of. */
interface PageOf<Row extends Identified> {
  readonly collection: OpenCollection<Row, unknown, string>;
  /** `null` when no row can fit. */
  readonly filter: NormalizedFilter | null;
  readonly order: ListOrder;
  readonly cursors: ListCursors;
  readonly ctx: Context;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/**
 * One page of a list, as a connection returns it. Cursors and the total are computed on demand: a cursor takes longer than the
 * rest of its row, and most clients need neither. A class rather than an object literal with getters: V8 creates a hidden class
 * for each such object, which keeps everything the getters reference alive until the next full garbage collection.
 */
export class ListPage<Row extends Identified> {
  readonly nodes: readonly Row[];
  readonly #of: PageOf<Row>;

  constructor(nodes: readonly Row[], of: PageOf<Row>) {
    this.nodes = nodes;
    this.#of = of;
  }

  get edges(): readonly { readonly cursor: string; readonly node: Row }[] {
    return this.nodes.map((node) => ({ cursor: this.#cursorOf(node), node }));
  }

  get pageInfo(): PageInfo {
    const { hasNextPage, hasPreviousPage } = this.#of;
    const first = this.nodes.at(0);
    const last = this.nodes.at(-1);
    return {
      hasNextPage,
      hasPreviousPage,
      startCursor: first === undefined ? null : this.#cursorOf(first),
      endCursor: last === undefined ? null : this.#cursorOf(last),
    };
  }

  get totalCount(): number | Promise<number> {
    const { collection, filter, ctx } = this.#of;
    return filter ? collection.count(filter, ctx) : 0;
  }

  #cursorOf(node: Row): string {
    const { collection, order, cursors } = this.#of;
    return encodeCursor(collection.definition.positionOf(order, node), cursors.name);
  }
}

/**
 * Reads one page of a collection's list, together with the related rows that the selection includes.
 * @throws {StationmasterError} BAD_USER_INPUT for a bad page size, cursor or filter; UNAVAILABLE without the database
 */
export async function readListPage<Row extends Identified, FilterGiven, OrderField extends string>(
  collection: OpenCollection<Row, FilterGiven, OrderField>,
  args: ListArguments<FilterGiven, OrderField>,
  ctx: Context,
  info: GraphQLResolveInfo,
): Promise<ListPage<Row>> {
  const { definition } = collection;
  const order = { ...definition.defaultOrder, ...args.orderBy };
  const cursors = cursorsOf(definition, order);
  const page = pageRequest(args, cursors);
  const filter = definition.normalizeFilter(args.filter, args.within);
  const place = { collection, filter, order, cursors, ctx };
  if (!filter) return new ListPage<Row>([], { ...place, ...neighbors(page, false) });
  const fields = fieldsOfRows(info);
  const shows = collection.relations.filter((relation) => fields.has(relation));
  const { rows, hasMore } = await collection.page({ filter, order, shows, ...page }, ctx);
  return new ListPage(rows, { ...place, ...neighbors(page, hasMore) });
}

function cursorsOf(definition: Collection<Identified, unknown, string>, order: ListOrder): ListCursors {
  return {
    name: `${definition.key} ${order.field} ${order.direction}`,
    isValue: (value) => definition.isOrderedValue(order, value),
  };
}
