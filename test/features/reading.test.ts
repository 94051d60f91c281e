import { type Answer, startTestApp, type TestApp } from '../support/test-app.ts';
import {
  EVERY_ORDER,
  type Fleet,
  listOf,
  MANAGER_FIELDS,
  newestFirst,
  type OracleFilter,
  readFleet,
  shown,
  WORKSTATION_FIELDS,
} from './fleet-oracle.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const MALFORMED_IDS = [
  '',
  ' ',
  '1',
  'workstation-1',
  `{${UNKNOWN_ID}}`,
  UNKNOWN_ID.replaceAll('-', ''),
  `${UNKNOWN_ID}0`,
];
const UNUSUAL_NAMES = [
  '100% busy',
  '100 busy',
  'rack_7',
  'rack-7',
  'back\\slash',
  "o'neill",
  'ÉCOLE',
  'école',
  'Zebra',
  'zebra',
  '｡ halfwidth',
  '🖥 desk',
];

let testApp: TestApp;
let fleet: Fleet;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 8, workstations: 120 } });
  await testApp.sql(
    `insert into workstation (name, hostname, ip_address, operating_system, cpu_usage)
      select name, 'host', '10.9.9.9', 'Linux', case when place % 3 > 0 then 50 end
      from unnest($1::text[]) with ordinality as unusual (name, place)`,
    [UNUSUAL_NAMES],
  );
  await testApp.heardEverything();
  fleet = await readFleet(testApp);
});

beforeEach(() => testApp.app.cache.clear());

afterAll(() => testApp.close());

/** Sends the query. Returns the answer and the number of SQL statements. */
async function askCounting(document: string, variables?: Record<string, unknown>) {
  let data: Answer['data'];
  const statements = await testApp.countStatements(async () => {
    const answer = await ask(document, { variables });
    expect(answer.errors).toBeUndefined();
    data = answer.data;
  });
  return { data, statements };
}

describe('A single record', () => {
  test('a workstation shows its whole row and its manager', async () => {
    const row = fleet.workstations.find(({ managerId, cpuUsage }) => managerId !== null && cpuUsage !== null)!;
    const document = `query ($id: ID!) { workstation(id: $id) { ${WORKSTATION_FIELDS} } }`;
    const { data, statements } = await askCounting(document, { id: row.id });
    expect(data).toEqual({ workstation: shown(row, fleet) });
    expect(statements).toBe(2);
    expect(await askCounting(document, { id: row.id })).toEqual({ data, statements: 0 });
  });

  test('an unmanaged workstation that never reported shows null for missing values', async () => {
    const row = fleet.workstations.find(({ name }) => name === '100% busy')!;
    const { data } = await ask(`query ($id: ID!) { workstation(id: $id) { ${WORKSTATION_FIELDS} } }`, {
      variables: { id: row.id },
    });
    expect(data.workstation).toEqual({ ...shown(row, fleet), manager: null, lastSeenAt: null, memoryUsage: null });
  });

  test('a manager shows the whole row and the workstations, newest first', async () => {
    const row = fleet.managers[0]!;
    const { data, statements } = await askCounting(
      `query ($id: ID!) { manager(id: $id) { ${MANAGER_FIELDS} workstations(first: 500) { totalCount nodes { name } } } }`,
      { id: row.id },
    );
    const workstations = listOf(fleet.workstations, { managerId: row.id });
    expect(data.manager).toEqual({
      ...row,
      workstations: { totalCount: workstations.length, nodes: workstations.map(({ name }) => ({ name })) },
    });
    expect(statements).toBe(3);
  });

  test('an id is found in any letter case', async () => {
    const { id } = fleet.workstations[0]!;
    const { data } = await ask('query ($id: ID!) { workstation(id: $id) { id } }', {
      variables: { id: id.toUpperCase() },
    });
    expect(data).toEqual({ workstation: { id } });
  });

  test.each(['workstation', 'manager'])('an unknown %s is null, and is looked up once', async (field) => {
    const document = `query ($id: ID!) { ${field}(id: $id) { id } }`;
    expect(await askCounting(document, { id: UNKNOWN_ID })).toEqual({ data: { [field]: null }, statements: 1 });
    expect(await askCounting(document, { id: UNKNOWN_ID })).toEqual({ data: { [field]: null }, statements: 0 });
  });

  test.each(MALFORMED_IDS)('the malformed id "%s" is null and costs no SQL', async (id) => {
    const document = 'query ($id: ID!) { workstation(id: $id) { id } manager(id: $id) { id } }';
    expect(await askCounting(document, { id })).toEqual({ data: { workstation: null, manager: null }, statements: 0 });
  });
});

describe('Lists', () => {
  test('workstations are listed newest first, 50 by default', async () => {
    const { data, statements } = await askCounting(`{ workstations { nodes { ${WORKSTATION_FIELDS} } } }`);
    const rows = listOf(fleet.workstations).slice(0, 50);
    expect(data.workstations.nodes).toEqual(rows.map((row) => shown(row, fleet)));
    expect(statements).toBeLessThanOrEqual(2);
  });

  test('managers are listed newest first, and counted on request', async () => {
    const { data, statements } = await askCounting(`{ managers { totalCount nodes { ${MANAGER_FIELDS} } } }`);
    expect(data.managers).toEqual({ totalCount: fleet.managers.length, nodes: newestFirst(fleet.managers) });
    expect(statements).toBe(2);
  });

  test('nested both ways, managers and workstations cost at most 3 statements cold and none warm', async () => {
    const document =
      '{ managers(first: 20) { nodes { workstations(first: 50) { nodes { name manager { name } } } } } }';
    const cold = await askCounting(document);
    expect(cold.data.managers.nodes).toEqual(
      newestFirst(fleet.managers).map(({ id, name }) => ({
        workstations: {
          nodes: listOf(fleet.workstations, { managerId: id })
            .slice(0, 50)
            .map((workstation) => ({ name: workstation.name, manager: { name } })),
        },
      })),
    );
    expect(cold.statements).toBeLessThanOrEqual(3);
    expect(await askCounting(document)).toEqual({ data: cold.data, statements: 0 });
  });

  test('a nested page size and page count for each manager on their own', async () => {
    const document = `query ($after: String) { managers { nodes { id workstations(first: 2, after: $after) {
      nodes { name } pageInfo { hasNextPage } } } } }`;
    const { data, statements } = await askCounting(document);
    for (const { id, workstations } of data.managers.nodes) {
      const rows = listOf(fleet.workstations, { managerId: id });
      expect(workstations).toEqual({
        nodes: rows.slice(0, 2).map(({ name }) => ({ name })),
        pageInfo: { hasNextPage: rows.length > 2 },
      });
    }
    expect(statements).toBe(2);
  });

  test('a nested filter restricts each manager’s list', async () => {
    const { data, statements } = await askCounting(
      `{ managers { nodes { id workstations(filter: { status: [OFFLINE, ERROR], nameContains: "a" }) {
        totalCount nodes { name } } } } }`,
    );
    for (const { id, workstations } of data.managers.nodes) {
      const filter = { managerId: id, status: ['OFFLINE', 'ERROR'], nameContains: 'a' };
      const rows = listOf(fleet.workstations, filter);
      expect(workstations).toEqual({ totalCount: rows.length, nodes: rows.map(({ name }) => ({ name })) });
    }
    expect(statements).toBe(3);
  });

  test('aliases in one request are loaded together', async () => {
    const [a, b, c] = fleet.workstations.map(({ id }) => id);
    const singles = `{ a: workstation(id: "${a}") { id } b: workstation(id: "${b}") { id } c: workstation(id: "${c}") { id } }`;
    expect(await askCounting(singles)).toEqual({ data: { a: { id: a }, b: { id: b }, c: { id: c } }, statements: 1 });
    const lists = '{ a: workstations(first: 3) { nodes { id } } b: workstations(first: 3) { nodes { id } } }';
    const { data, statements } = await askCounting(lists);
    expect(data.a).toEqual(data.b);
    expect(statements).toBe(1);
  });

  test('the managers of two lists in one request are loaded by the lists’ statements', async () => {
    const document = `{ newest: workstations(first: 40) { nodes { manager { name } } }
      named: workstations(first: 40, orderBy: { field: NAME }) { nodes { manager { name } } } }`;
    expect((await askCounting(document)).statements).toBe(2);
  });

  test('fragments, directives and __typename work as the specification says', async () => {
    const { data } = await ask(
      `query ($no: Boolean = false) { workstations(first: 1) { __typename ...page totalCount @include(if: $no) } }
       fragment page on WorkstationConnection { edges { node { __typename ... on Workstation { manager { __typename } } } } }`,
    );
    const [row] = listOf(fleet.workstations);
    expect(data.workstations).toEqual({
      __typename: 'WorkstationConnection',
      edges: [{ node: { __typename: 'Workstation', manager: row!.managerId ? { __typename: 'Manager' } : null } }],
    });
  });
});

describe('The total', () => {
  test('is counted only if selected, and then once', async () => {
    const list = '{ workstations(first: 3) { nodes { id } } }';
    const counted = '{ workstations(first: 3) { totalCount nodes { id } } }';
    expect((await askCounting(list)).statements).toBe(1);
    const { data, statements } = await askCounting(counted);
    expect(data.workstations.totalCount).toBe(fleet.workstations.length);
    expect(statements).toBe(1);
    expect((await askCounting(counted)).statements).toBe(0);
  });

  test('covers the whole list, on any page', async () => {
    const first = (await ask('{ workstations(first: 2) { totalCount pageInfo { endCursor } } }')).data.workstations;
    const { data, statements } = await askCounting(
      'query ($after: String) { workstations(first: 90, after: $after) { totalCount } }',
      { after: first.pageInfo.endCursor },
    );
    expect(data.workstations.totalCount).toBe(first.totalCount);
    expect(statements).toBe(1);
  });

  test('of the managers is counted only if selected', async () => {
    expect((await askCounting('{ managers { nodes { id } } }')).statements).toBe(1);
    const { data, statements } = await askCounting('{ managers(first: 1) { totalCount } }');
    expect(data.managers.totalCount).toBe(8);
    expect(statements).toBe(2);
  });

  test('of all nested lists is counted in one statement', async () => {
    await ask('{ managers { nodes { workstations(first: 1) { nodes { id } } } } }');
    const { data, statements } = await askCounting(
      '{ managers { nodes { id workstations(first: 1) { totalCount } } } }',
    );
    for (const { id, workstations } of data.managers.nodes) {
      expect(workstations.totalCount).toBe(listOf(fleet.workstations, { managerId: id }).length);
    }
    expect(statements).toBe(1);
  });
});

describe('Filters', () => {
  const someManager = () => fleet.managers[1]!.id;
  const filters: readonly (readonly [string, () => OracleFilter])[] = [
    ['one status', () => ({ status: ['OFFLINE'] })],
    ['several statuses', () => ({ status: ['ERROR', 'MAINTENANCE', 'ERROR'] })],
    ['an empty list of statuses, which restricts nothing', () => ({ status: [] })],
    ['a manager', () => ({ managerId: someManager() })],
    ['an unknown manager', () => ({ managerId: UNKNOWN_ID })],
    ['unmanaged', () => ({ unmanaged: true })],
    ['managed', () => ({ unmanaged: false })],
    ['a manager and managed', () => ({ managerId: someManager(), unmanaged: false })],
    [
      'everything at once',
      () => ({ managerId: someManager(), status: ['ONLINE'], nameContains: '-0', unmanaged: false }),
    ],
    ...[
      'ZEBRA',
      'école',
      'École',
      '%',
      '_',
      '0% B',
      'rack_',
      '\\',
      "'",
      '🖥',
      '｡',
      '-00',
      ' ',
      '',
      'nowhere to be found',
    ].map((nameContains) => [`the text "${nameContains}" in the name`, () => ({ nameContains })] as const),
  ];

  test.each(filters)('%s', async (_name, makeFilter) => {
    const filter = makeFilter();
    const { data } = await ask(
      'query ($filter: WorkstationFilter) { workstations(first: 500, filter: $filter) { totalCount nodes { name } } }',
      { variables: { filter } },
    );
    const rows = listOf(fleet.workstations, filter);
    expect(data.workstations).toEqual({ totalCount: rows.length, nodes: rows.map(({ name }) => ({ name })) });
  });

  test('a text with special characters finds exactly the rows that contain it', async () => {
    const find = async (nameContains: string) =>
      (
        await ask('query ($t: String) { workstations(filter: { nameContains: $t }) { nodes { name } } }', {
          variables: { t: nameContains },
        })
      ).data.workstations.nodes.map(({ name }: { name: string }) => name);
    expect(await find('%')).toEqual(['100% busy']);
    expect(await find('_')).toEqual(['rack_7']);
    expect(await find('\\')).toEqual(['back\\slash']);
    expect(new Set(await find('zEBRa'))).toEqual(new Set(['Zebra', 'zebra']));
    // Only the letters a to z are compared without case.
    expect(await find('École')).toEqual(['ÉCOLE']);
    expect(await find('éCOLE')).toEqual(['école']);
  });

  test('null restricts nothing', async () => {
    const nothing = { status: null, managerId: null, nameContains: null, unmanaged: null };
    for (const filter of [null, {}, nothing]) {
      const { data } = await ask(
        'query ($filter: WorkstationFilter) { workstations(filter: $filter) { totalCount } }',
        {
          variables: { filter },
        },
      );
      expect(data.workstations.totalCount).toBe(fleet.workstations.length);
    }
  });

  test('equivalent filters share one cached list', async () => {
    const document = 'query ($filter: WorkstationFilter) { workstations(filter: $filter) { totalCount nodes { id } } }';
    const first = await askCounting(document, { filter: { status: ['ONLINE', 'ERROR'], nameContains: '' } });
    const second = await askCounting(document, { filter: { status: ['ERROR', 'ONLINE', 'ERROR'], unmanaged: null } });
    expect(second).toEqual({ data: first.data, statements: 0 });
  });

  test.each([
    ['a manager and unmanaged', { managerId: UNKNOWN_ID, unmanaged: true }],
    ['an id that no manager can have', { managerId: 'nobody' }],
    ['a character that no name can hold', { nameContains: '\0' }],
  ])('a filter that no row can match gives an empty page without SQL: %s', async (_name, filter) => {
    const { data, statements } = await askCounting(
      `query ($filter: WorkstationFilter) { workstations(filter: $filter) { totalCount nodes { id } edges { cursor }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      { filter },
    );
    const pageInfo = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null };
    expect(data.workstations).toEqual({ totalCount: 0, nodes: [], edges: [], pageInfo });
    expect(statements).toBe(0);
  });

  test('a nested filter that contradicts its manager gives an empty page', async () => {
    const [mine, other] = fleet.managers;
    const document = `query ($id: ID!, $filter: WorkstationFilter) {
      manager(id: $id) { workstations(filter: $filter) { totalCount nodes { id } } } }`;
    for (const filter of [{ managerId: other!.id }, { unmanaged: true }, { managerId: 'nobody' }]) {
      const { data, statements } = await askCounting(document, { id: mine!.id, filter });
      expect(data).toEqual({ manager: { workstations: { totalCount: 0, nodes: [] } } });
      expect(statements).toBeLessThanOrEqual(1);
    }
  });
});

describe('Orders', () => {
  test.each(EVERY_ORDER.map((order) => [order.field, order.direction, order] as const))(
    'by %s %s, with rows that have no value last',
    async (_field, _direction, order) => {
      const { data } = await ask(
        'query ($orderBy: WorkstationOrder) { workstations(first: 500, orderBy: $orderBy) { nodes { id } } }',
        { variables: { orderBy: order } },
      );
      const rows = listOf(fleet.workstations, {}, order);
      expect(data.workstations.nodes).toEqual(rows.map(({ id }) => ({ id })));
    },
  );

  test('the default direction is ascending', async () => {
    const { data } = await ask('{ workstations(first: 5, orderBy: { field: NAME }) { nodes { name } } }');
    const rows = listOf(fleet.workstations, {}, { field: 'NAME', direction: 'ASC' }).slice(0, 5);
    expect(data.workstations.nodes).toEqual(rows.map(({ name }) => ({ name })));
  });

  test('the fleet has ties and missing values in the columns it is ordered by', () => {
    const cpu = fleet.workstations.map(({ cpuUsage }) => cpuUsage);
    expect(cpu.filter((value) => value === null).length).toBeGreaterThan(1);
    expect(cpu.filter((value) => value === 50).length).toBeGreaterThan(1);
  });

  test('nested lists are newest first for any query plan', async () => {
    // The last test, because it does not restore the settings.
    await testApp.sql('drop index workstation_manager_id_created_at_id');
    await testApp.sql('drop index workstation_created_at_id');
    const { data } = await ask('{ managers { nodes { id workstations(first: 4) { nodes { id } } } } }');
    for (const { id, workstations } of data.managers.nodes) {
      const rows = listOf(fleet.workstations, { managerId: id }).slice(0, 4);
      expect(workstations.nodes).toEqual(rows.map((row) => ({ id: row.id })));
    }
  });
});
