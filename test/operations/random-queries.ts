import fc from 'fast-check';

/** A query and variables that may or may not fit it. */
export interface RandomQuery {
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

interface Shape {
  readonly leaves: readonly string[];
  /** Fields with a selection, by their type. */
  readonly branches: Readonly<Record<string, string>>;
}

const SHAPES: Record<string, Shape> = {
  Query: {
    leaves: ['__typename'],
    branches: {
      'workstations(first: 3)': 'WorkstationConnection',
      'workstations(first: $first)': 'WorkstationConnection',
      'workstations(last: 3)': 'WorkstationConnection',
      'workstations(first: $first, last: $last)': 'WorkstationConnection',
      'workstations(filter: $filter, first: 4)': 'WorkstationConnection',
      'workstations(first: 2, orderBy: { field: NAME, direction: DESC })': 'WorkstationConnection',
      'workstation(id: $id)': 'Workstation',
      'managers(first: 2)': 'ManagerConnection',
      'managers(first: $first)': 'ManagerConnection',
      'managers(last: $last)': 'ManagerConnection',
      'manager(id: $id)': 'Manager',
    },
  },
  WorkstationConnection: {
    leaves: ['__typename', 'totalCount'],
    branches: { nodes: 'Workstation', edges: 'WorkstationEdge', pageInfo: 'PageInfo' },
  },
  ManagerConnection: {
    leaves: ['__typename', 'totalCount'],
    branches: { nodes: 'Manager', edges: 'ManagerEdge', pageInfo: 'PageInfo' },
  },
  WorkstationEdge: { leaves: ['cursor'], branches: { node: 'Workstation' } },
  ManagerEdge: { leaves: ['cursor', '__typename'], branches: { node: 'Manager' } },
  PageInfo: { leaves: ['hasNextPage', 'hasPreviousPage', 'startCursor', 'endCursor'], branches: {} },
  Workstation: {
    leaves: ['id', 'name', 'ipAddress', 'status', 'cpuUsage', 'lastSeenAt', 'createdAt', 'version', '__typename'],
    branches: { manager: 'Manager' },
  },
  Manager: {
    leaves: ['id', 'name', 'email', 'updatedAt', '__typename'],
    branches: {
      'workstations(first: 2)': 'WorkstationConnection',
      'workstations(first: $first)': 'WorkstationConnection',
      'workstations(last: 2)': 'WorkstationConnection',
    },
  },
};

const directive = fc.constantFrom('', '', '', '', ' @skip(if: $yes)', ' @include(if: $yes)', ' @include(if: $no)');

/**
 * A field with a unique response name, so that no two conflict; occasionally twice, so that they are merged.
 */
function field(type: string, depth: number): fc.Arbitrary<string> {
  const { leaves, branches } = SHAPES[type]!;
  const leaf = fc.tuple(fc.constantFrom(...leaves), directive).map(([name, when]) => `${name}${when}`);
  const names = depth > 0 ? Object.keys(branches) : [];
  if (names.length === 0) return leaf;
  const branch = fc
    .constantFrom(...names)
    .chain((name) => fc.tuple(fc.constant(name), directive, selection(branches[name]!, depth - 1)))
    .map(([name, when, parts]) => `${aliasOf(name)}: ${name}${when} ${parts}`);
  return fc.oneof({ weight: 2, arbitrary: leaf }, { weight: 3, arbitrary: branch });
}

function selection(type: string, depth: number): fc.Arbitrary<string> {
  const fields = fc.array(field(type, depth), { minLength: 1, maxLength: 4 });
  return fc.tuple(fields, fc.constantFrom('plain', 'inline', 'typed'), directive).map(([parts, kind, when]) => {
    const inner = parts.join(' ');
    if (kind === 'plain') return `{ ${inner} }`;
    return `{ __typename ... ${kind === 'typed' ? `on ${type}` : ''}${when} { ${inner} } }`;
  });
}

/** The same field with other arguments has another response name. */
function aliasOf(name: string): string {
  return name.replace(/\W+/g, '_').replace(/_$/, '');
}

export function randomQuery(ids: readonly string[]): fc.Arbitrary<RandomQuery> {
  const variables = fc.record(
    {
      first: fc.constantFrom<unknown>(1, 3, null, 0, 501, 'three'),
      last: fc.constantFrom<unknown>(2, null, null, -1),
      id: fc.constantFrom<unknown>(...ids, 'unknown', 7),
      filter: fc.constantFrom<unknown>({}, { status: ['ONLINE'] }, { unmanaged: true }, null, { status: 'BUSY' }),
      yes: fc.constantFrom(true, false),
      no: fc.constant(false),
    },
    { requiredKeys: ['id', 'no', 'yes'] },
  );
  return fc.record({
    query: selection('Query', 4).map((parts) => {
      const declared =
        '$first: Int = 2, $last: Int, $id: ID!, $filter: WorkstationFilter, $yes: Boolean!, $no: Boolean = false';
      // All variables are used, as the specification requires.
      return `query (${declared}) { ...used ...rest } fragment rest on Query ${parts}
        fragment used on Query { u: workstations(first: $first, last: $last, filter: $filter) @include(if: $no) { totalCount }
          v: manager(id: $id) @skip(if: $yes) { id } }`;
    }),
    variables,
  });
}
