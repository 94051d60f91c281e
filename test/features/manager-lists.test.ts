import { startTestApp, type TestApp } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

const LIST = `query ($filter: ManagerFilter, $orderBy: ManagerOrder, $first: Int, $after: String) {
  managers(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    totalCount nodes { name } pageInfo { endCursor hasNextPage } } }`;
const PEOPLE = [
  ['ada', 'z@fleet.example'],
  ['Zoë', 'b@works.example'],
  ['Bob', 'a@fleet.example'],
  ['éva', 'é@fleet.example'],
] as const;

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp();
  for (const [index, [name, email]] of PEOPLE.entries()) {
    await testApp.sql('insert into manager (name, email, created_at) values ($1, $2, $3)', [
      name,
      email,
      `2026-01-0${index + 1}T00:00:00Z`,
    ]);
  }
  await testApp.waitUntilHeard();
});

afterAll(() => testApp.close());

async function list(variables: object) {
  const { data, errors } = await testApp.ask(LIST, { variables: { ...variables } });
  expect(errors).toBeUndefined();
  const { nodes, totalCount, pageInfo } = data.managers;
  return { names: nodes.map(({ name }: { name: string }) => name), totalCount, pageInfo };
}

const names = async (variables: object) => (await list(variables)).names;

test('managers are listed by name and email by code point, and by age', async () => {
  expect(await names({ orderBy: { field: 'NAME' } })).toEqual(['Bob', 'Zoë', 'ada', 'éva']);
  expect(await names({ orderBy: { field: 'NAME', direction: 'DESC' } })).toEqual(['éva', 'ada', 'Zoë', 'Bob']);
  expect(await names({ orderBy: { field: 'EMAIL' } })).toEqual(['Bob', 'Zoë', 'ada', 'éva']);
  expect(await names({ orderBy: { field: 'CREATED_AT' } })).toEqual(['ada', 'Zoë', 'Bob', 'éva']);
});

test('managers are found by ids and by parts of their names and emails', async () => {
  const [{ id } = {}] = await testApp.sql("select id from manager where name = 'Bob'");
  expect(await list({ filter: { ids: [id] } })).toMatchObject({ names: ['Bob'], totalCount: 1 });
  expect(await names({ filter: { nameContains: 'B' } })).toEqual(['Bob']);
  expect(await names({ filter: { emailContains: '@WORKS' } })).toEqual(['Zoë']);
  expect(await names({ filter: { not: { emailContains: 'fleet' } } })).toEqual(['Zoë']);
});

test('a page goes on in the order it was begun in, and no other', async () => {
  const orderBy = { field: 'NAME' };
  const { names: first, pageInfo } = await list({ orderBy, first: 2 });
  expect(first).toEqual(['Bob', 'Zoë']);
  expect(await names({ orderBy, after: pageInfo.endCursor })).toEqual(['ada', 'éva']);
  const other = { orderBy: { field: 'EMAIL' }, after: pageInfo.endCursor };
  expectRefusal(await testApp.ask(LIST, { variables: other }), 'BAD_USER_INPUT', 'after');
});

test('a list stays cached while a column that it does not look at changes', async () => {
  const byName = { orderBy: { field: 'NAME' } };
  await list(byName);
  await testApp.sql("update manager set email = 'c@works.example' where name = 'Zoë'");
  await testApp.waitUntilHeard();
  expect(await testApp.countStatements(() => list(byName))).toBe(0);
  await testApp.sql("update manager set name = 'Aoë' where name = 'Zoë'");
  await testApp.waitUntilHeard();
  expect(await names(byName)).toEqual(['Aoë', 'Bob', 'ada', 'éva']);
});
