import { startTestApp, type TestApp } from '../support/test-app.ts';

const UPDATE = `mutation ($filter: WorkstationFilter!, $input: UpdateWorkstationsInput!, $dryRun: Boolean) {
  result: updateWorkstations(filter: $filter, input: $input, dryRun: $dryRun) { matched changed ids } }`;
const DELETE = `mutation ($filter: WorkstationFilter!, $dryRun: Boolean) {
  result: deleteWorkstations(filter: $filter, dryRun: $dryRun) { matched changed ids } }`;
const LIST = `query ($filter: WorkstationFilter) {
  workstations(filter: $filter, orderBy: { field: NAME }) { totalCount nodes { name status tags manager { name } } } }`;
const NOBODY = '01890000-0000-7000-8000-000000000000';

let testApp: TestApp;
let managerId: string;
let ids: string[];

beforeAll(async () => {
  testApp = await startTestApp();
});

beforeEach(async () => {
  await testApp.sql('truncate workstation, manager');
  const [manager] = await testApp.sql(`insert into manager (name, email) values ('M', 'm@fleet.example') returning id`);
  managerId = manager!.id as string;
  const rows =
    await testApp.sql(`insert into workstation (id, name, hostname, ip_address, operating_system, status, tags)
    select ('01890000-0000-7000-8000-00000000000' || n)::uuid, 'w' || n, 'h', '10.0.0.1', 'x', (array['ONLINE', 'ERROR'])[1 + n % 2], (array['{a}', '{a,b}'])[1 + n / 2]::text[]
    from generate_series(0, 3) n returning id`);
  ids = rows.map(({ id }) => id as string).sort();
  await testApp.waitUntilHeard();
});

afterAll(() => testApp.close());

const ask = (document: string, variables: object) =>
  testApp.ask(document, { variables: variables as Record<string, unknown>, role: 'OPERATOR' });

async function result(document: string, variables: object) {
  const { data, errors } = await ask(document, variables);
  expect(errors).toBeUndefined();
  return data.result;
}

async function list(filter: object = {}) {
  const { nodes } = (await testApp.ask(LIST, { variables: { filter } })).data.workstations;
  return nodes.map(({ name, status, tags, manager }: Record<string, unknown>) =>
    [name, status, tags, (manager as { name: string } | null)?.name ?? null].join(' '),
  );
}

describe('Workstations that fit a filter', () => {
  test('are changed, and everything cached with them', async () => {
    const errors = { status: ['ERROR'] };
    expect(await list(errors)).toEqual(['w1 ERROR a ', 'w3 ERROR a,b ']);
    const input = { status: 'MAINTENANCE', managerId, addTags: ['c', '0'], removeTags: ['b'] };
    const statements = await testApp.countStatements(async () => {
      expect(await result(UPDATE, { filter: errors, input })).toEqual({
        matched: 2,
        changed: 2,
        ids: [ids[1], ids[3]],
      });
    });
    // The statement, the mark that ends its transaction, and at most one for the manager.
    expect(statements).toBeLessThanOrEqual(3);
    expect(await list(errors)).toEqual([]);
    expect(await list()).toEqual([
      'w0 ONLINE a ',
      'w1 MAINTENANCE 0,a,c M',
      'w2 ONLINE a,b ',
      'w3 MAINTENANCE 0,a,c M',
    ]);
  });

  test('that are as asked already match, and do not change', async () => {
    const filter = { nameContains: 'w' };
    const versions = () => testApp.sql('select version from workstation order by name');
    expect(await result(UPDATE, { filter, input: { status: 'ONLINE', addTags: ['a'] } })).toEqual({
      matched: 4,
      changed: 2,
      ids: [ids[1], ids[3]],
    });
    const before = await versions();
    expect(await result(UPDATE, { filter, input: { status: 'ONLINE', managerId: null, removeTags: ['z'] } })).toEqual({
      matched: 4,
      changed: 0,
      ids: [],
    });
    expect(await versions()).toEqual(before);
  });

  test('are deleted, and everything cached with them', async () => {
    expect(await list()).toHaveLength(4);
    expect(await result(DELETE, { filter: { tags: ['b'] } })).toEqual({
      matched: 2,
      changed: 2,
      ids: [ids[2], ids[3]],
    });
    expect(await list()).toEqual(['w0 ONLINE a ', 'w1 ERROR a ']);
  });

  test('are left alone by a dry run, which answers the same', async () => {
    const before = await testApp.sql('select * from workstation order by id');
    const update = { filter: { nameContains: 'w' }, input: { status: 'ERROR' } };
    const planned = await result(UPDATE, { ...update, dryRun: true });
    expect(planned).toEqual({ matched: 4, changed: 2, ids: [ids[0], ids[2]] });
    const deletion = { filter: { not: { tags: ['b'] } } };
    const plannedDeletion = await result(DELETE, { ...deletion, dryRun: true });
    expect(await testApp.sql('select * from workstation order by id')).toEqual(before);
    expect(await result(UPDATE, update)).toEqual(planned);
    expect(await result(DELETE, deletion)).toEqual(plannedDeletion);
  });

  test('of which none is there are answered without a statement', async () => {
    const statements = await testApp.countStatements(async () => {
      expect(await result(DELETE, { filter: { ids: ['x'] } })).toEqual({ matched: 0, changed: 0, ids: [] });
    });
    expect(statements).toBe(0);
  });

  test('are named up to 500, however many change', async () => {
    await testApp.sql(`insert into workstation (name, hostname, ip_address, operating_system)
      select 'many' || n, 'h', '10.0.0.1', 'x' from generate_series(1, 600) n`);
    const { matched, changed, ids: named } = await result(DELETE, { filter: { nameContains: 'many' } });
    expect({ matched, changed, named: named.length }).toEqual({ matched: 600, changed: 600, named: 500 });
  });
});

describe('Nothing is changed, and one error says why:', () => {
  const unrestricted: [string, object][] = [
    ['an empty filter', {}],
    ['empty lists', { and: [], or: [], tags: [], ids: [], status: [] }],
    ['an empty text', { nameContains: '' }],
    ['an empty range', { cpuUsage: {} }],
    ['empty filters within it', { and: [{}, { or: [{ nameContains: '' }, { status: ['ERROR'] }] }] }],
    ['not of what no row fits', { not: { ids: ['x'] } }],
  ];
  test.each(unrestricted)('%s', async (_what, filter) => {
    for (const document of [UPDATE, DELETE]) {
      const variables = document === UPDATE ? { filter, input: { status: 'ERROR' } } : { filter };
      const statements = await testApp.countStatements(async () => {
        const { errors } = await ask(document, variables);
        expect(errors!.map(({ extensions }) => extensions)).toEqual([{ code: 'BAD_USER_INPUT', field: 'filter' }]);
      });
      expect(statements).toBe(0);
    }
    expect(await list({ status: ['ONLINE'] })).toHaveLength(2);
  });

  test('null in the place of true or false for a dry run', async () => {
    const before = await testApp.sql('select * from workstation order by id');
    for (const document of [UPDATE, DELETE]) {
      const input = document === UPDATE ? { input: { status: 'ERROR' } } : {};
      const { errors } = await ask(document, { filter: { nameContains: 'w' }, dryRun: null, ...input });
      expect(errors!.map(({ extensions }) => extensions)).toEqual([{ code: 'BAD_USER_INPUT', field: 'dryRun' }]);
    }
    expect(await testApp.sql('select * from workstation order by id')).toEqual(before);
  });

  const many = Array.from({ length: 20 }, (_, index) => `t${index}`);
  test.each<[string, object, string, string]>([
    ['nothing to change', {}, 'BAD_USER_INPUT', 'input'],
    ['no tags to change', { addTags: [], removeTags: null }, 'BAD_USER_INPUT', 'input'],
    ['no status', { status: null }, 'BAD_USER_INPUT', 'input.status'],
    ['a blank operating system', { operatingSystem: ' ' }, 'BAD_USER_INPUT', 'input.operatingSystem'],
    ['a blank tag', { removeTags: ['a', ''] }, 'BAD_USER_INPUT', 'input.removeTags[1]'],
    ['a tag to add and to remove', { addTags: ['q'], removeTags: ['q'] }, 'BAD_USER_INPUT', 'input.removeTags'],
    ['too many tags for one of them', { addTags: many }, 'BAD_USER_INPUT', 'input.addTags'],
    ['a manager that is none', { managerId: 'x' }, 'NOT_FOUND', 'input.managerId'],
    ['a manager that is not there', { managerId: NOBODY }, 'NOT_FOUND', 'input.managerId'],
  ])('%s', async (_what, input, code, field) => {
    const before = await testApp.sql('select * from workstation order by id');
    const { errors } = await ask(UPDATE, { filter: { nameContains: 'w' }, input });
    expect(errors!.map(({ extensions }) => extensions)).toEqual([{ code, field }]);
    expect(await testApp.sql('select * from workstation order by id')).toEqual(before);
  });
});
