/** Queries that between them use every form of the language and every part of the schema; all of them are valid. */
export const QUERIES: readonly string[] = [
  // About the schema, and of what an operation knows without reading
  '{ __typename }',
  '{ a: __typename b: __typename }',
  '{ __schema { description } }',
  '{ __schema { types { name } } }',
  '{ __schema { queryType { fields { name } } mutationType { fields { name } } } }',
  '{ __type(name: "Workstation") { fields { name } } }',
  '{ __typename __type(name: "Workstation") { name } }',

  // One row
  'query ($id: ID!) { workstation(id: $id) { id } }',
  'query ($id: ID!) { workstation(id: $id) { status } }',
  'query ($id: ID!) { workstation(id: $id) { __typename } managers { totalCount } }',
  'query ($id: ID!) { workstation(id: $id) { name version manager { email } } }',
  'query ($id: ID!) { workstation(id: $id) { id } manager(id: $id) { id } }',
  `query ($id: ID!) { workstation(id: $id) { id name hostname ipAddress operatingSystem status cpuUsage memoryUsage
    diskUsage lastSeenAt createdAt updatedAt version } }`,
  'query ($id: ID!) { manager(id: $id) { id name email createdAt updatedAt version } }',

  // Counts
  '{ workstations { totalCount } }',
  '{ managers { totalCount } }',
  '{ workstations(first: 1) { totalCount } }',
  'query Count { workstations { totalCount } }',
  '{ ...on Query { workstations { totalCount } } }',

  // Pages
  '{ managers { nodes { id } } }',
  '{ workstations { nodes { name } } }',
  '{ workstations(first: 3) { nodes { id } } }',
  '{ workstations(first: 5) { totalCount nodes { id name status } } }',
  '{ workstations(first: 101) { nodes { __typename } } }',
  '{ workstations(first: 500) { totalCount nodes { id cpuUsage memoryUsage diskUsage status lastSeenAt version } } }',
  'query ($first: Int = 7) { workstations(first: $first) { nodes { id name } } }',
  'query List($first: Int!) { workstations(first: $first) { nodes { name } } }',
  'query ($first: Int) { workstations(first: $first) { totalCount nodes { name version } } }',
  '{ workstations(first: 2) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }',
  '{ workstations(last: 2) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor } } }',
  'query ($first: Int, $last: Int) { workstations(first: $first, last: $last) { nodes { name } } }',
  '{ managers { nodes { workstations(last: 2) { nodes { name } pageInfo { hasPreviousPage } } } } }',
  '{ managers(first: 1) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
  'query ($after: String) { managers(after: $after) { nodes { id } } }',
  'query ($after: String) { workstations(first: 5, after: $after) { nodes { id } pageInfo { endCursor } } }',

  // Filters and orders
  '{ workstations(filter: { unmanaged: true }) { totalCount nodes { id } } }',
  '{ workstations(filter: { nameContains: "1" }) { totalCount nodes { id } } }',
  'query ($text: String) { workstations(filter: { nameContains: $text }) { nodes { name } } }',
  'query ($status: WorkstationStatus!) { workstations(filter: { status: [$status] }) { totalCount } }',
  'query ($filter: WorkstationFilter) { workstations(first: 500, filter: $filter) { totalCount nodes { name } } }',
  '{ workstations(orderBy: { field: NAME }) { totalCount nodes { id cpuUsage } } }',
  'query ($orderBy: WorkstationOrder) { workstations(first: 500, orderBy: $orderBy) { nodes { id } } }',
  `query ($first: Int, $after: String, $orderBy: WorkstationOrder, $filter: WorkstationFilter) {
    workstations(first: $first, after: $after, orderBy: $orderBy, filter: $filter) {
      edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,

  // Rows within rows
  '{ workstations(first: 3) { nodes { id manager { name } } } }',
  '{ workstations { totalCount nodes { id manager { name } } } managers { nodes { id } } }',
  '{ managers { nodes { name workstations { nodes { name } } } } }',
  '{ managers { nodes { id workstations(first: 1) { totalCount } } } }',
  '{ managers(first: 20) { nodes { workstations(first: 50) { nodes { name manager { name } } } } } }',
  '{ managers(first: 100) { nodes { id name workstations(first: 50) { nodes { id name status manager { id } } } } } }',
  `{ managers { nodes { id workstations(filter: { status: [OFFLINE, ERROR], nameContains: "a" }) {
    totalCount nodes { name } } } } }`,
  `query ($after: String) { managers { nodes { id workstations(first: 2, after: $after) {
    nodes { name } pageInfo { hasNextPage } } } } }`,
  'query ($id: ID!, $filter: WorkstationFilter) { manager(id: $id) { workstations(filter: $filter) { totalCount } } }',
  `query ($first: Int!) { workstations(first: $first) { totalCount pageInfo { hasNextPage endCursor }
    edges { cursor node { id name status manager { id name email workstations(first: 5) { nodes { id name } } } } } } }`,
  '{ workstations(first: 2) { nodes { manager { workstations(first: 2) { nodes { manager { name } } } } } } }',

  // Values that differ from one moment to the next
  '{ performanceMetrics { instanceId websockets { activeConnections activeSubscriptions } } }',
  '{ cacheStats { hits misses layers { name hits misses size evictions } } }',
  '{ ...stats } fragment stats on Query { ... { cacheStats { hits } } }',

  // Aliases, fragments and conditions
  '{ a: workstations(first: 3) { nodes { id } } b: workstations(first: 3) { nodes { id } } }',
  `{ newest: workstations(first: 40) { nodes { manager { name } } }
    named: workstations(first: 40, orderBy: { field: NAME }) { nodes { manager { name } } } }`,
  '{ workstations(first: 2) { nodes { id key: id } nodes { name } } }',
  '{ managers(first: 4) { ...m } } fragment m on ManagerConnection { nodes { workstations(first: 4) { ...w } } } fragment w on WorkstationConnection { edges { node { id } } }',
  `query ($no: Boolean = false) { workstations(first: 1) { __typename ...page totalCount @include(if: $no) } }
    fragment page on WorkstationConnection { edges { node { __typename ... on Workstation { manager { __typename } } } } }`,
  'query ($yes: Boolean!) { workstations(first: 1) { nodes { id @skip(if: $yes) name @include(if: $yes) } } }',

  // Fields that are refused while the others are answered
  '{ workstations(first: 0) { totalCount } }',
  '{ workstations(first: 1, last: 1) { totalCount } }',
  '{ a: workstations(first: 0) { nodes { id } } b: managers(first: -1) { nodes { id } } }',
  '{ managers { nodes { workstations(first: 999) { nodes { id } } } } }',
  '{ workstations(first: 5) { nodes { id } } bad: workstations(first: 0) { nodes { id } } }',
  '{ workstations(first: 2147483647) { nodes { id } } }',
  'query ($id: ID!, $all: Boolean = false) { workstation(id: $id) { name } cacheStats @include(if: $all) { __typename } }',
];
