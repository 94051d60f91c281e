/** Documents that cost an unprotected server far more than their sender. */
export interface HostileQuery {
  readonly query: string;
  /** The message of the refusal. */
  readonly refusal: RegExp;
  readonly variables?: Record<string, unknown>;
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

const aliased = (count: number, field: string) => `{ ${times(count, (n) => `a${n}: ${field}`).join(' ')} }`;

const CIRCLE = 'workstations { nodes { manager {';

const circles = (count: number) => `{ ${CIRCLE.repeat(count)} id ${'}'.repeat(3 * count)} }`;

const spreading = (count: number, make: (n: number) => string) =>
  times(count, (n) => `fragment f${n} on Query { ${make(n)} }`).join(' ');

const FIELDS =
  'id name hostname ipAddress operatingSystem status cpuUsage memoryUsage diskUsage lastSeenAt createdAt updatedAt version';

const limit = (name: string, max: number) => new RegExp(`limit on ${name}.* at most ${max} are allowed`);

/** Hostile queries by the exceeded limit. The figures are those of the default settings. */
export const HOSTILE_QUERIES: Readonly<Record<string, HostileQuery>> = {
  'thirteen levels': { query: circles(4), refusal: limit('depth', 10) },
  'three hundred levels': { query: circles(100), refusal: limit('depth', 10) },
  'levels hidden in fragments': {
    query: `{ workstations { nodes { ...f0 } } } ${times(5, (n) => `fragment f${n} on Workstation { manager { workstations { nodes { ...f${n + 1} } } } }`).join(' ')} fragment f5 on Workstation { id }`,
    refusal: limit('depth', 10),
  },
  aliases: { query: aliased(51, 'workstations { totalCount }'), refusal: limit('aliases', 50) },
  'aliases of __typename': { query: aliased(600, '__typename'), refusal: limit('aliases', 50) },
  'aliases in a fragment': {
    query: `{ ...f ...f } fragment f on Query ${aliased(26, '__typename')}`,
    refusal: limit('aliases', 50),
  },
  directives: { query: `{ __typename ${'@skip(if: false) '.repeat(51)} }`, refusal: limit('directives', 50) },
  'unknown directives': { query: `{ __typename ${'@a '.repeat(600)} }`, refusal: limit('directives', 50) },
  'directives everywhere': {
    query: `query @a { ...f @a ... @a { __typename @a } } fragment f on Query @a { __typename ${'@a '.repeat(50)} }`,
    refusal: limit('directives', 50),
  },
  tokens: { query: `{ ${'__typename '.repeat(2001)} }`, refusal: /2000 tokens/ },
  'twenty-five thousand tokens': { query: `{ ${'a '.repeat(25_000)} }`, refusal: /2000 tokens/ },
  characters: { query: `{ __typename } #${'x'.repeat(65_536)}`, refusal: limit('length', 65_536) },
  'one field, again and again': {
    query: `{ workstations { ${'totalCount '.repeat(900)} } }`,
    refusal: limit('repeats', 20),
  },
  'one list, again and again': {
    query: `{ ${'managers { nodes { id } } '.repeat(280)} }`,
    refusal: limit('repeats', 20),
  },
  fields: {
    query: aliased(45, `workstations { nodes { ${FIELDS} } edges { node { ${FIELDS} } } }`),
    refusal: limit('fields', 1000),
  },
  'a page within a page': {
    query: '{ managers(first: 500) { nodes { workstations(first: 500) { nodes { id } } } } }',
    refusal: limit('cost', 100_000),
  },
  'the dependencies of 500 responses': {
    query: '{ cacheEntries(layer: "responses", first: 500) { nodes { dependencies(first: 500) } } }',
    refusal: limit('cost', 100_000),
  },
  'the dependencies of many responses, as many as there usually are': {
    query: aliased(20, 'cacheEntries(layer: "responses") { nodes { dependencies } }'),
    refusal: limit('cost', 100_000),
  },
  'the last removals thirty times': {
    query: `query ($first: Int) ${aliased(30, 'cacheRemovals(first: $first) { key layer cause at dependency by position }')}`,
    refusal: limit('cost', 100_000),
    variables: { first: 500 },
  },
  'the last hour ten times': {
    query: `query ($minutes: Int) ${aliased(10, 'performanceHistory(minutes: $minutes) { timestamp hits misses evictions requests errors sqlStatements changes cacheSize cacheBytes memoryBytes requestP50Ms requestP99Ms activeConnections activeSubscriptions }')}`,
    refusal: limit('cost', 100_000),
    variables: { minutes: 60 },
  },
  'the last quarter of an hour fifty times': {
    query: aliased(
      50,
      'performanceHistory { timestamp hits misses evictions requests errors sqlStatements changes cacheSize cacheBytes requestP50Ms requestP99Ms }',
    ),
    refusal: limit('cost', 100_000),
  },
  'pages in variables': {
    query:
      'query ($a: Int!, $b: Int = 500) { managers(first: $a) { edges { node { workstations(first: $b) { nodes { id } } } } } }',
    variables: { a: 500 },
    refusal: limit('cost', 100_000),
  },
  'pages backward': {
    query:
      'query ($a: Int!) { managers(last: 500) { nodes { workstations(first: null, last: $a) { nodes { id } } } } }',
    variables: { a: 500 },
    refusal: limit('cost', 100_000),
  },
  'sizes below nothing': {
    query:
      '{ a: managers(first: -2147483648) { nodes { id } } managers(first: 500) { nodes { workstations(first: 500) { nodes { id } } } } }',
    refusal: limit('cost', 100_000),
  },
  'pages in fragments': {
    query:
      '{ managers(first: 400) { ...m } } fragment m on ManagerConnection { nodes { workstations(first: 400) { ...w } } } fragment w on WorkstationConnection { edges { node { id } } }',
    refusal: limit('cost', 100_000),
  },
  'default pages within pages': {
    query:
      '{ workstations { nodes { manager { workstations { nodes { manager { workstations { nodes { id } } } } } } } } }',
    refusal: limit('cost', 100_000),
  },
  'a fragment within itself': {
    query: '{ ...f0 } fragment f0 on Query { __typename ...f0 }',
    refusal: /Cannot spread fragment "f0" within itself/,
  },
  'a ring of fragments': {
    query: `{ ...f0 } ${spreading(100, (n) => `...f${(n + 1) % 100} ...f${(n + 7) % 100}`)}`,
    refusal: /Cannot spread fragment "f\d+" within itself/,
  },
  'a ring of fragments that is never spread': {
    query: `{ __typename } ${spreading(2, (n) => `...f${1 - n}`)}`,
    refusal: /Cannot spread fragment "f\d+" within itself/,
  },
  'a fragment bomb': {
    query: `{ ...f0 } ${spreading(100, (n) => (n < 99 ? `...f${n + 1} ...f${n + 1}` : '__typename'))}`,
    refusal: limit('fields', 1000),
  },
  'a fragment bomb in fields': {
    query: `{ workstations { nodes { ...f0 } } } ${times(30, (n) => `fragment f${n} on Workstation { ${n < 29 ? `...f${n + 1} ...f${n + 1}` : 'id'} }`).join(' ')}`,
    refusal: limit('fields', 1000),
  },
  'many operations over many fragments': {
    query: `${times(90, (n) => `query q${n} { ...f0 }`).join(' ')} ${spreading(90, (n) => `__typename ${n < 89 ? `...f${n + 1}` : ''}`)}`,
    refusal: limit('fields', 1000),
  },
  'introspection in circles': {
    query: `{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }`,
    refusal: /Maximum introspection depth exceeded/,
  },
};
