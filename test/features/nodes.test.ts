import { startTestApp, type TestApp } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const NODES = `query ($ids: [ID!]!) { nodes(ids: $ids) {
  __typename id ... on Workstation { hostname } ... on Manager { email } } }`;
const NODE = 'query ($id: ID!) { node(id: $id) { __typename id ... on Manager { email } } }';

let testApp: TestApp;
let workstations: { id: string; hostname: string }[];
let managers: { id: string; email: string }[];

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 3, workstations: 6 }, env: { RESPONSE_CACHE: 'off' } });
  workstations = await testApp.sql('select id, hostname from workstation order by id');
  managers = await testApp.sql('select id, email from manager order by id');
});

afterAll(() => testApp.close());

beforeEach(() => {
  testApp.app.cache.clear();
});

const askNodes = (ids: readonly string[]) => testApp.ask(NODES, { variables: { ids } });
const workstation = (index: number) => ({ __typename: 'Workstation', ...workstations[index]! });
const manager = (index: number) => ({ __typename: 'Manager', ...managers[index]! });

test('nodes are read in order, whatever their types, in one statement a collection', async () => {
  const ids = [
    managers[1]!.id,
    workstations[0]!.id.toUpperCase(),
    UNKNOWN_ID,
    'x',
    workstations[0]!.id,
    managers[0]!.id,
  ];
  const nodes = [manager(1), workstation(0), null, null, workstation(0), manager(0)];
  const statements = await testApp.countStatements(async () => {
    expect(await askNodes(ids)).toEqual({ data: { nodes } });
  });
  expect(statements).toBe(2);
  const again = await testApp.countStatements(async () => {
    expect(await askNodes(ids)).toEqual({ data: { nodes } });
  });
  expect(again).toBe(0);
});

test('nodes that lists brought into the cache cost no statement', async () => {
  await testApp.ask('{ workstations { nodes { id } } managers { nodes { id } } }');
  const statements = await testApp.countStatements(async () => {
    const { data } = await askNodes([workstations[2]!.id, managers[2]!.id]);
    expect(data.nodes).toEqual([workstation(2), manager(2)]);
  });
  expect(statements).toBe(0);
});

test('a query with nodes stays right however often it is executed', async () => {
  for (let time = 0; time < 6; time++) {
    const { data } = await testApp.ask(NODE, { variables: { id: managers[time % 3]!.id } });
    expect(data.node).toEqual(manager(time % 3));
  }
});

test('a node is shown as it was last written, and null once it is gone', async () => {
  const create = 'mutation { createManager(input: { name: "N", email: "n@fleet.example" }) { id } }';
  const { id } = (await testApp.ask(create)).data.createManager;
  const ask = async () => (await testApp.ask(NODE, { variables: { id } })).data.node;
  expect(await ask()).toMatchObject({ __typename: 'Manager', email: 'n@fleet.example' });
  await testApp.sql("update manager set email = 'm@fleet.example' where id = $1", [id]);
  await testApp.waitUntilHeard();
  expect(await ask()).toMatchObject({ email: 'm@fleet.example' });
  await testApp.sql('delete from manager where id = $1', [id]);
  await testApp.waitUntilHeard();
  expect(await ask()).toBeNull();
});

test('an id that exists only later is found then', async () => {
  expect((await askNodes([UNKNOWN_ID])).data.nodes).toEqual([null]);
  await testApp.sql("insert into manager (id, name, email) values ($1, 'L', 'l@fleet.example')", [UNKNOWN_ID]);
  await testApp.waitUntilHeard();
  expect((await askNodes([UNKNOWN_ID])).data.nodes).toEqual([
    { __typename: 'Manager', id: UNKNOWN_ID, email: 'l@fleet.example' },
  ]);
  await testApp.sql('delete from manager where id = $1', [UNKNOWN_ID]);
  await testApp.waitUntilHeard();
});

test('more than 500 nodes are refused without SQL', async () => {
  const statements = await testApp.countStatements(async () => {
    const ids = Array.from({ length: 501 }, () => UNKNOWN_ID);
    expectRefusal(await askNodes(ids), 'BAD_USER_INPUT', 'ids');
  });
  expect(statements).toBe(0);
  expect((await askNodes(Array.from({ length: 500 }, () => UNKNOWN_ID))).errors).toBeUndefined();
});
