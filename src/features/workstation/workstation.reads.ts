import type { Position } from '../../cache/index.ts';
import type { Context } from '../../graphql/context.ts';
import { Connection, type ConnectionPlace, pageRequest, presentRows } from '../../graphql/pagination.ts';
import { DEFAULT_ORDER, normalizeFilter, type WorkstationFilter } from './workstation.inputs.ts';
import {
  isOrderedValue,
  positionOf,
  type WorkstationListFilter,
  type WorkstationListOrder,
} from './workstation.list.ts';
import { type WorkstationSource, workstationLoaders } from './workstation.loader.ts';
import type { WorkstationRecord } from './workstation.record.ts';

export interface WorkstationListArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly filter?: WorkstationFilter | null;
  readonly orderBy?: WorkstationListOrder | null;
  /** Whether the managers of the rows are shown too, so that they are best read for the whole page at once. */
  readonly withManagers?: boolean;
  /** Restricts the list to the workstations of one manager, whatever the filter says. */
  readonly ofManager?: string;
}

/** A page of workstations, with the filter it was found by: the total is only counted when it is asked for. */
export class WorkstationListPage extends Connection<WorkstationRecord> {
  /** `null` when no workstation can fit. */
  readonly filter: WorkstationListFilter | null;

  constructor(
    nodes: readonly WorkstationRecord[],
    filter: WorkstationListFilter | null,
    place: ConnectionPlace<WorkstationRecord>,
  ) {
    super(nodes, place);
    this.filter = filter;
  }
}

/**
 * Reads one page of a list.
 * @throws {StationmasterError} BAD_USER_INPUT for a bad page size, cursor or filter
 */
export async function readWorkstationList(
  source: WorkstationSource,
  args: WorkstationListArguments,
  ctx: Context,
): Promise<WorkstationListPage> {
  const order = { ...DEFAULT_ORDER, ...args.orderBy };
  const listOrder = {
    name: `workstations ${order.field} ${order.direction}`,
    isValue: (value: Position['value']) => isOrderedValue(order.field, value),
  };
  const { first, after } = pageRequest(args.first, args.after, listOrder);
  const filter = restrict(normalizeFilter(args.filter), args.ofManager);
  if (!filter) {
    return new WorkstationListPage([], filter, { order: listOrder, positionOf: never, hasNextPage: false, after });
  }
  const loaders = workstationLoaders(source, ctx);
  if (args.withManagers) loaders.showsManagers = true;
  const page = await loaders.page.load({ filter, order, first, after });
  const nodes = presentRows(await loaders.record.loadMany(page.ids));
  // When that fails, the fields that show them try again, and say what is wrong.
  if (args.withManagers) await source.managers.readOf(nodes, ctx).catch(() => {});
  const hasNextPage = page.next !== null;
  const place = (node: WorkstationRecord) => positionOf(order, node);
  return new WorkstationListPage(nodes, filter, { order: listOrder, positionOf: place, hasNextPage, after });
}

function restrict(filter: WorkstationListFilter | null, managerId: string | undefined): WorkstationListFilter | null {
  if (!filter || managerId === undefined) return filter;
  const isOther = filter.managerId !== undefined && filter.managerId !== managerId;
  if (isOther || filter.unmanaged === true) return null;
  const { unmanaged: _implied, ...rest } = filter;
  return { ...rest, managerId };
}

function never(): never {
  throw new Error('An empty page has no positions.');
}
