import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { startTestApp, TEST_SECRET, type TestApp } from '../support/test-app.ts';

/* What identity providers and people send as a matter of course: roles of other applications, emoji, half an emoji. */

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 2 } });
});

afterAll(() => testApp.close());

async function askWithRoles(roles: unknown[], query: string) {
  const token = await new SignJWT({ roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(createSecretKey(Buffer.from(TEST_SECRET)));
  const response = await fetch(`${testApp.app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, answer: (await response.json()) as any };
}

describe('a token with roles of other applications', () => {
  const FOREIGN = ['offline_access', 'uma_authorization', 'ROOT', 'admin', 7, null, ['ADMIN']];

  test('has the rights of its own role and no others', async () => {
    const read = await askWithRoles(['VIEWER', ...FOREIGN], '{ workstations { totalCount } }');
    expect(read).toEqual({ status: 200, answer: { data: { workstations: { totalCount: 2 } } } });
    const { answer } = await askWithRoles([...FOREIGN, 'VIEWER'], '{ cacheStats { bytes } }');
    expect(answer.errors[0].extensions.code).toBe('FORBIDDEN');
  });

  test('and none of ours is refused like one without roles', async () => {
    const refusals = await Promise.all([FOREIGN, []].map((roles) => askWithRoles(roles, '{ __typename }')));
    expect(refusals[0]).toEqual(refusals[1]);
    expect(refusals[0]).toMatchObject({
      status: 401,
      answer: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
  });
});

const CREATE = 'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { name } }';
const VALID = { hostname: 'host', ipAddress: '10.0.0.1', operatingSystem: 'Linux' };

describe('characters', () => {
  test.each([150, 200])('%i emoji are a name', async (count) => {
    const name = '😀'.repeat(count);
    const answer = await testApp.ask(CREATE, { variables: { input: { ...VALID, name } } });
    expect(answer).toMatchObject({ data: { createWorkstation: { name } } });
  });

  test('201 emoji are one too many, as the column counts', async () => {
    const answer = await testApp.ask(CREATE, { variables: { input: { ...VALID, name: '😀'.repeat(201) } } });
    expect(answer.errors).toMatchObject([
      {
        message: 'name has 1 to 200 characters; this one has 201.',
        extensions: { code: 'BAD_USER_INPUT', field: 'input.name' },
      },
    ]);
  });

  test('200 of them can be looked for, 201 not', async () => {
    const search = 'query ($text: String) { workstations(filter: { nameContains: $text }) { totalCount } }';
    expect(await testApp.ask(search, { variables: { text: '😁'.repeat(200) } })).toEqual({
      data: { workstations: { totalCount: 0 } },
    });
    const { errors } = await testApp.ask(search, { variables: { text: '😁'.repeat(201) } });
    expect(errors).toMatchObject([
      {
        message: 'The text to look for has 201 characters; at most 200 are allowed.',
        extensions: { field: 'filter.nameContains' },
      },
    ]);
  });
});

describe('half a character is BAD_USER_INPUT with its field', () => {
  const HALF = '\ud83d x';
  const id = async () => (await testApp.sql<{ id: string }>('select id from workstation limit 1'))[0]!.id;

  test.each<[string, string, Record<string, unknown>]>([
    ['input.name', CREATE, { input: { ...VALID, name: HALF } }],
    ['input.hostname', CREATE, { input: { ...VALID, name: 'a', hostname: HALF } }],
    ['input.operatingSystem', CREATE, { input: { ...VALID, name: 'b', operatingSystem: HALF } }],
    [
      'input.name',
      'mutation ($input: CreateManagerInput!) { createManager(input: $input) { id } }',
      { input: { name: HALF, email: 'a@example.com' } },
    ],
    [
      'filter.nameContains',
      'query ($filter: WorkstationFilter) { workstations(filter: $filter) { totalCount } }',
      { filter: { nameContains: HALF } },
    ],
    [
      'pattern',
      'mutation ($pattern: String!) { invalidateCache(pattern: $pattern) { entriesRemoved } }',
      { pattern: HALF },
    ],
    ['after', 'query ($after: String) { workstations(after: $after) { totalCount } }', { after: HALF }],
  ])('%s, in variables: %s', async (field, document, variables) => {
    const { errors } = await testApp.ask(document, { variables });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field } }]);
  });

  test.each(['ipAddress', 'managerId'])('in %s it is refused as any other text that is none', async (name) => {
    const variables = { input: { ...VALID, name: 'c', [name]: HALF } };
    const { errors } = await testApp.ask(CREATE, { variables });
    expect(errors![0]!.extensions.code).toMatch(/BAD_USER_INPUT|NOT_FOUND/);
    expect(errors![0]!.extensions.field).toBe(`input.${name}`);
  });

  test('in the document itself, and nothing is stored', async () => {
    const update = `mutation { updateWorkstation(id: "${await id()}", input: { name: "\\ud83d x" }) { name } }`;
    expect((await testApp.ask(update)).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(await testApp.sql("select name from workstation where name like '%\ufffd%'")).toEqual([]);
  });
});

describe('the authorization of a request', () => {
  const askAs = async (authorization: string) => {
    const response = await fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: '{"query":"{ workstations { totalCount } }"}',
    });
    return response.status;
  };

  test.each(['bearer ', 'BEARER ', 'Bearer   '])('may begin with %j', async (scheme) => {
    expect(await askAs(`${scheme}${await testApp.token('VIEWER')}  `)).toBe(200);
  });

  test.each(['Bearer', 'Bearer ', 'Bearer undefined', 'Bearer null', 'null'])('is refused as %j', async (text) => {
    expect(await askAs(text)).toBe(401);
  });
});
