import type { Fields, ListPosition, ListQuery, Observed, ReadPart } from './history.ts';

/** A reading request and the parser of its answer. */
export interface ReadRequest {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  parse(data: Record<string, any>): ReadPart[];
}

export const NODE = 'id version createdAt name operatingSystem status cpuUsage manager { id }';
const PAGE = `nodes { ${NODE} } pageInfo { hasNextPage hasPreviousPage }`;

const LIST_ARGUMENTS = `$first: Int, $after: String, $last: Int, $before: String,
  $filter: WorkstationFilter, $orderBy: WorkstationOrder`;
const LIST = `workstations(first: $first, after: $after, last: $last, before: $before,
  filter: $filter, orderBy: $orderBy)`;

/** Converts nodes into rows of the history. Equal rows share one object, because most are read hundreds of times. */
export interface Observer {
  workstation(node: any): Observed;
  manager(node: any): Observed;
}

export function createObserver(): Observer {
  const known = new Map<string, Observed[]>();
  const intern = (observed: Observed) => {
    const key = `${observed.id} ${observed.version}`;
    const others = known.get(key);
    if (!others) {
      known.set(key, [observed]);
      return observed;
    }
    const same = others.find((other) => isSame(other, observed));
    if (!same) others.push(observed);
    return same ?? observed;
  };
  return {
    workstation: ({ id, version, createdAt, manager, ...rest }) => {
      const fields: Fields = manager === undefined ? rest : { ...rest, managerId: manager?.id ?? null };
      return intern({ id, version, createdAtMs: Date.parse(createdAt), fields });
    },
    manager: ({ id, version, name }) => intern({ id, version, createdAtMs: null, fields: { name } }),
  };
}

function isSame(a: Observed, b: Observed): boolean {
  const names = Object.keys(a.fields);
  return (
    a.createdAtMs === b.createdAtMs &&
    names.length === Object.keys(b.fields).length &&
    names.every((name) => a.fields[name] === b.fields[name])
  );
}

export function recordRequest(ids: readonly string[], observer: Observer): ReadRequest {
  const fields = ids.map((_id, index) => `w${index}: workstation(id: $id${index}) { ${NODE} }`);
  return {
    query: `query (${ids.map((_id, index) => `$id${index}: ID!`).join(', ')}) { ${fields.join(' ')} }`,
    variables: Object.fromEntries(ids.map((id, index) => [`id${index}`, id])),
    parse: (data) =>
      ids.map((id, index) => {
        const node = data[`w${index}`];
        return { kind: 'record', id, row: node && observer.workstation(node) };
      }),
  };
}

/** @param cursor the API's opaque form of `query.after` */
export function listRequest(
  query: ListQuery,
  { withCount, cursor = null }: { withCount: boolean; cursor?: string | null },
  observer: Observer,
): ReadRequest {
  return {
    query: `query (${LIST_ARGUMENTS}) { ${LIST} { ${PAGE} ${withCount ? 'totalCount' : ''} } }`,
    variables: { ...pageOf(query, cursor), filter: filterOf(query), orderBy: query.orderBy },
    parse: ({ workstations }) => [toPart(query, workstations, observer)],
  };
}

export function countRequest(query: ListQuery): ReadRequest {
  return {
    query: 'query ($filter: WorkstationFilter) { workstations(filter: $filter) { totalCount } }',
    variables: { filter: filterOf(query) },
    parse: ({ workstations }) => [{ kind: 'list', query, page: null, totalCount: workstations.totalCount }],
  };
}

/** Two consecutive pages, as a front-end requests them: the second begins where the first ends. */
export function firstPageRequest(
  query: ListQuery,
  observer: Observer,
): ReadRequest & {
  next(data: Record<string, any>): ReadRequest | null;
} {
  return {
    query: `query (${LIST_ARGUMENTS}) { ${LIST} { ${PAGE} edges { cursor } } }`,
    variables: { ...pageOf(query, null), filter: filterOf(query), orderBy: query.orderBy },
    parse: ({ workstations }) => [toPart(query, workstations, observer)],
    next({ workstations }) {
      const { nodes, edges, pageInfo } = workstations;
      const at = query.isBackward ? 0 : -1;
      const last = nodes.at(at);
      if (!last || !(query.isBackward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return null;
      const after = placeInOrder(query, observer.workstation(last));
      const { cursor } = edges.at(at);
      return after && listRequest({ ...query, after }, { withCount: false, cursor }, observer);
    },
  };
}

export function nestedRequest(
  query: ListQuery,
  { withCount }: { withCount: boolean },
  observer: Observer,
): ReadRequest {
  return {
    query: `query ($first: Int, $last: Int, $filter: WorkstationFilter) { managers(first: 10) { nodes { id version name
      workstations(first: $first, last: $last, filter: $filter) { ${PAGE} ${withCount ? 'totalCount' : ''} } } } }`,
    variables: { ...pageOf(query, null), filter: filterOf(query) },
    parse: ({ managers }) =>
      managers.nodes.flatMap((manager: any): ReadPart[] => [
        { kind: 'record', id: manager.id, row: observer.manager(manager) },
        toPart({ ...query, managerId: manager.id }, manager.workstations, observer),
      ]),
  };
}

function toPart(query: ListQuery, { nodes, pageInfo, totalCount = null }: any, observer: Observer): ReadPart {
  const rows: Observed[] = nodes.map(observer.workstation);
  const page = query.isBackward
    ? { nodes: rows.reverse(), hasNextPage: pageInfo.hasPreviousPage }
    : { nodes: rows, hasNextPage: pageInfo.hasNextPage };
  return { kind: 'list', query, page, totalCount };
}

function pageOf({ first, isBackward }: ListQuery, cursor: string | null) {
  return isBackward ? { last: first, before: cursor } : { first, after: cursor };
}

export function filterOf({ status, managerId, unmanaged, nameContains }: ListQuery) {
  return { status, managerId, unmanaged, nameContains };
}

function placeInOrder({ orderBy }: ListQuery, { id, createdAtMs, fields }: Observed): ListPosition | null {
  if (orderBy.field === 'CREATED_AT') return { value: createdAtMs, id };
  return orderBy.field === 'NAME' ? { value: fields.name!, id } : null;
}
