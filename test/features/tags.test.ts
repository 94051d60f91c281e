import { startTestApp, type TestApp } from '../support/test-app.ts';

const CREATE = `mutation ($name: String!, $tags: [String!]) { createWorkstation(input: { name: $name, hostname: "h",
  ipAddress: "10.0.0.1", operatingSystem: "x", tags: $tags }) { id tags version } }`;
const UPDATE = `mutation ($id: ID!, $input: UpdateWorkstationInput!) { updateWorkstation(id: $id, input: $input) { tags } }`;
const LIST = 'query ($tags: [String!]) { workstations(filter: { tags: $tags }) { totalCount nodes { name tags } } }';

let testApp: TestApp;
let made = 0;

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

async function create(tags?: readonly string[] | null): Promise<{ id: string; tags: string[] }> {
  const { data, errors } = await testApp.ask(CREATE, { variables: { name: `w${++made}`, tags } });
  expect(errors).toBeUndefined();
  return data.createWorkstation;
}

describe('Tags', () => {
  test('are sorted by code point, without repeats and surrounding white space', async () => {
    expect((await create(['web', 'Web', ' web', '｡', '🖥'])).tags).toEqual(['Web', 'web', '｡', '🖥']);
  });

  test('are none unless given', async () => {
    expect((await create()).tags).toEqual([]);
    expect((await create(null)).tags).toEqual([]);
  });

  test('can be written as PostgreSQL writes arrays', async () => {
    const tags = ['"', ',', 'NULL', '\\', "it's", 'null', '{a}'];
    const { id } = await create(tags);
    const { data } = await testApp.ask('query ($id: ID!) { workstation(id: $id) { tags } }', { variables: { id } });
    expect(data.workstation.tags).toEqual(tags);
  });

  test('stay when an update leaves them out, and are replaced when it does not', async () => {
    const { id } = await create(['a', 'b']);
    const update = async (input: object) => (await testApp.ask(UPDATE, { variables: { id, input } })).data;
    expect(await update({ hostname: 'other' })).toEqual({ updateWorkstation: { tags: ['a', 'b'] } });
    expect(await update({ tags: ['c'] })).toEqual({ updateWorkstation: { tags: ['c'] } });
    expect(await update({ tags: [] })).toEqual({ updateWorkstation: { tags: [] } });
  });

  test.each<[string, unknown, string]>([
    ['a blank one', ['a', ' '], 'input.tags[1]'],
    ['one of 51 characters', ['a', 'b', 'c', 'x'.repeat(51)], 'input.tags[3]'],
    ['a control character', ['a\nb'], 'input.tags[0]'],
    ['half a character', ['\ud800'], 'input.tags[0]'],
    ['21 of them', Array.from({ length: 21 }, (_, index) => `t${index}`), 'input.tags'],
    ['null instead of a list', null, 'input.tags'],
    ['null among them', ['a', null], 'input.tags[1]'],
  ])('are refused with the field at fault: %s', async (_what, tags, field) => {
    const { id } = await create(['kept']);
    const { errors } = await testApp.ask(UPDATE, { variables: { id, input: { tags } } });
    expect(errors).toHaveLength(1);
    expect(errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field });
    expect((await testApp.sql('select tags from workstation where id = $1', [id]))[0]!.tags).toEqual(['kept']);
  });

  test.each(['{b,a}', '{a,a}', '{""}', '{NULL}', '{{a},{b}}', `{${'x'.repeat(51)}}`])(
    'that other programs write are refused where the API would not have written them: %s',
    async (tags) => {
      const { id } = await create();
      const write = testApp.sql('update workstation set tags = $2::text::text[] where id = $1', [id, tags]);
      await expect(write).rejects.toThrow('workstation_tags_check');
    },
  );

  test('that change drop the lists that look at them, and no others', async () => {
    const { id } = await create(['drop-1']);
    const list = (tags: string[]) => testApp.ask(LIST, { variables: { tags } });
    const looked = await list(['drop-1']);
    expect(looked.data.workstations.totalCount).toBe(1);
    await list(['drop-2']);
    await testApp.sql(`update workstation set tags = '{drop-1,other}' where id = $1`, [id]);
    await testApp.waitUntilHeard();
    expect(await testApp.countStatements(() => list(['drop-1']))).toBe(0);
    expect((await list(['drop-1'])).data.workstations.nodes).toEqual([{ name: `w${made}`, tags: ['drop-1', 'other'] }]);
    await testApp.sql(`update workstation set tags = '{drop-2}' where id = $1`, [id]);
    await testApp.waitUntilHeard();
    expect((await list(['drop-1'])).data.workstations.totalCount).toBe(0);
    expect((await list(['drop-2'])).data.workstations.totalCount).toBe(1);
  });
});
