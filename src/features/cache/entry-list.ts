import {
  type CacheInspection,
  type EntryOrder,
  type EntryPlace,
  type InspectedEntry,
  MAX_PLACE_ID_LENGTH,
} from '../../cache/index.ts';
import type { Position } from '../../collections/index.ts';
import { badInput } from '../../graphql/input-checks.ts';
import { OrderDirection, type PageArguments } from '../../graphql/page-arguments.ts';
import { encodeCursor, type ListCursors, neighbors, pageRequest } from '../../graphql/pagination.ts';
import { type CacheEntryOrder, CacheEntryOrderField } from './cache.inputs.ts';
import type { CacheEntry } from './cache.type.ts';

export interface EntryListArguments extends PageArguments {
  readonly pattern: string;
  readonly layer: string | null;
  readonly orderBy: CacheEntryOrder | null;
}

/** The fields of an order. The older one is the one that was stored earlier. */
const ORDERS: Record<CacheEntryOrderField, { readonly by: EntryOrder['by']; readonly isReversed: boolean }> = {
  KEY: { by: 'key', isReversed: false },
  SIZE: { by: 'bytes', isReversed: false },
  AGE: { by: 'storedAtMs', isReversed: true },
  EXPIRES: { by: 'expiresAtMs', isReversed: false },
  HITS: { by: 'hits', isReversed: false },
};
const DEFAULT_ORDER: CacheEntryOrder = { field: CacheEntryOrderField.KEY, direction: OrderDirection.ASC };

/**
 * One page of what the cache of this instance holds, as a connection returns it.
 * @throws {StationmasterError} BAD_USER_INPUT for a bad page size or cursor
 * @throws {PatternError} for a bad pattern
 */
export async function listEntries(
  { inspection, nowMs }: { readonly inspection: CacheInspection; readonly nowMs: number },
  { pattern, layer, orderBy, ...page }: EntryListArguments,
) {
  const { field, direction } = orderBy ?? DEFAULT_ORDER;
  const cursors = cursorsOf(field, direction);
  const request = pageRequest(page, cursors);
  const { entries, hasMore, totalCount } = await inspection.list({
    pattern,
    layer: layer ?? undefined,
    order: orderOf(field, direction),
    after: toPlace(request.after),
    before: toPlace(request.before),
    from: request.from,
    size: request.size,
  });
  const edges = entries.map((entry) => ({
    cursor: encodeCursor(entry.place, cursors.name),
    node: present(entry, nowMs),
  }));
  return {
    edges,
    nodes: edges.map(({ node }) => node),
    pageInfo: {
      ...neighbors(request, hasMore),
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount,
  };
}

/** @throws {StationmasterError} BAD_USER_INPUT that names the layers */
export function checkLayer(layer: string, layers: Iterable<string>): void {
  const known = new Set(layers);
  if (known.has(layer)) return;
  const names = [...known].sort().join(', ');
  throw badInput(`There is no layer ${JSON.stringify(layer.slice(0, 100))}. The layers are ${names}.`, 'layer');
}

export function present(entry: InspectedEntry, nowMs: number): CacheEntry {
  const { storedAtMs, expiresAtMs, value, dependencies, ...told } = entry;
  return {
    ...told,
    ageSeconds: Math.max(0, (nowMs - storedAtMs) / 1000),
    expiresInSeconds: Math.max(0, (expiresAtMs - nowMs) / 1000),
    version: versionOf(value),
    keysOfDependencies: dependencies,
  };
}

/** That of the row, which its readers know: the one by which the cache orders records rises with every write. */
function versionOf(value: unknown): number | null {
  const { version } = Object(value) as { readonly version?: unknown };
  return typeof version === 'number' ? version : null;
}

function orderOf(field: CacheEntryOrderField, direction: OrderDirection): EntryOrder {
  const { by, isReversed } = ORDERS[field];
  const isAscending = (direction === OrderDirection.ASC) !== isReversed;
  return { by, direction: isAscending ? 'ASC' : 'DESC' };
}

function toPlace(position: Position | null): EntryPlace | null {
  return position && { value: position.value as number | null, id: position.id };
}

function cursorsOf(field: CacheEntryOrderField, direction: OrderDirection): ListCursors {
  return {
    name: `cache ${field} ${direction}`,
    isValue: (value) => (field === CacheEntryOrderField.KEY ? value === null : typeof value === 'number'),
    isId: (id) => id.length <= MAX_PLACE_ID_LENGTH,
  };
}
