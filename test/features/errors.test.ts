import { signToken } from '../../src/auth/tokens.ts';
import { type Answer, startTestApp, TEST_SECRET, type TestApp } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

const ID = '01890000-0000-7000-8000-000000000000';

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 2 } });
});

afterAll(() => testApp.close());

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly answer: Answer;
}

/** Posts `body` unchanged, and accepts the media type in which the status reflects the outcome. */
async function post(body: string, headers: Record<string, string> = {}): Promise<Reply> {
  const authorization = `Bearer ${await testApp.token('ADMIN')}`;
  const response = await fetch(`${testApp.app.url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json',
      'content-type': 'application/json',
      authorization,
      ...headers,
    },
    body,
  });
  return { status: response.status, headers: response.headers, answer: (await response.json()) as Answer };
}

const ask = (query: string, variables?: unknown) => post(JSON.stringify({ query, variables }));

describe('An invalid document is answered with 400 and one error:', () => {
  test.each([
    ['a syntax error', '{ workstations { nodes { id }'],
    ['no document', ''],
    ['an unterminated text', '{ workstation(id: "x) { id } }'],
    ['an unknown query', '{ printers { id } }'],
    ['an unknown field', '{ workstations { nodes { colour } } }'],
    ['an unknown argument', '{ workstations(limit: 3) { nodes { id } } }'],
    ['a missing argument', '{ workstation { id } }'],
    ['fields that are not selected', '{ workstations }'],
    ['fields of a scalar', '{ workstations { totalCount { id } } }'],
    ['a text for a number', '{ workstations(first: "5") { nodes { id } } }'],
    ['an unknown status', '{ workstations(filter: { status: [BUSY] }) { nodes { id } } }'],
    ['an unknown part of a filter', '{ workstations(filter: { colour: "red" }) { nodes { id } } }'],
    ['an order without a field', '{ workstations(orderBy: { direction: ASC }) { nodes { id } } }'],
    ['an unknown order', '{ workstations(orderBy: { field: COLOUR }) { nodes { id } } }'],
    ['an unknown fragment', '{ workstations { ...page } }'],
    ['an unknown variable', '{ workstation(id: $id) { id } }'],
    ['a bad email address', 'mutation { createManager(input: { name: "A", email: "nobody" }) { id } }'],
  ])('%s', async (_name, document) => {
    const { answer, status } = await ask(document);
    expectRefusal(answer, 'BAD_USER_INPUT');
    expect(status).toBe(400);
  });
});

describe('Invalid variables are answered with one error that names them:', () => {
  test.each([
    ['none where one is needed', 'query ($id: ID!) { workstation(id: $id) { id } }', undefined, '$id'],
    ['null where it cannot be', 'query ($id: ID!) { workstation(id: $id) { id } }', { id: null }, '$id'],
    ['an object for an id', 'query ($id: ID!) { workstation(id: $id) { id } }', { id: {} }, '$id'],
    ['a text for a number', 'query ($n: Int) { workstations(first: $n) { nodes { id } } }', { n: '5' }, '$n'],
    ['a part of a number', 'query ($n: Int) { workstations(first: $n) { nodes { id } } }', { n: 1.5 }, '$n'],
    ['too large a number', 'query ($n: Int) { workstations(first: $n) { nodes { id } } }', { n: 2 ** 31 }, '$n'],
    [
      'a text for a list',
      'query ($f: WorkstationFilter) { workstations(filter: $f) { totalCount } }',
      { f: 'ONLINE' },
      '$f',
    ],
    [
      'an unknown status',
      'query ($f: WorkstationFilter) { workstations(filter: $f) { totalCount } }',
      { f: { status: ['BUSY'] } },
      'f.status[0]',
    ],
    [
      'a bad IP address',
      'mutation ($i: UpdateWorkstationInput!) { updateWorkstation(id: "x", input: $i) { id } }',
      { i: { ipAddress: 'here' } },
      'i.ipAddress',
    ],
  ])('%s', async (_name, document, variables, named) => {
    const { answer } = await ask(document, variables);
    expectRefusal(answer, 'BAD_USER_INPUT', named.replace('$', ''));
    expect(answer.errors![0]!.message).toContain(named);
  });
});

describe('A malformed request is answered with one error:', () => {
  test.each([
    ['a body that is not JSON', '{ workstations }'],
    ['an empty body', ''],
    ['an empty object', '{}'],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['a query that is not a text', '{"query": 7}'],
    ['variables that are a text', '{"query": "{ __typename }", "variables": "x"}'],
    ['two operations and no choice', '{"query": "query A { __typename } query B { __typename }"}'],
    ['an operation that is not there', '{"query": "query A { __typename }", "operationName": "B"}'],
  ])('%s', async (_name, body) => {
    const { answer, status } = await post(body);
    expectRefusal(answer, 'BAD_USER_INPUT');
    expect(status).toBe(400);
  });

  test.each(['workstationChanged { id }', 'performanceMetricsUpdated { timestamp }'])(
    'a subscription over HTTP: %s',
    async (field) => {
      const { answer } = await ask(`subscription { ${field} }`);
      expectRefusal(answer, 'BAD_USER_INPUT');
      expect(answer.errors![0]!.message).toMatch(/WebSocket/);
    },
  );

  test('a subscription over HTTP whose root depends on a variable', async () => {
    const query = 'subscription ($yes: Boolean!) { workstationChanged @include(if: $yes) { id } }';
    const { answer, status } = await ask(query, { yes: true });
    expectRefusal(answer, 'BAD_USER_INPUT');
    expect(status).toBe(400);
  });

  test('a mutation by GET', async () => {
    const query = encodeURIComponent('mutation { clearCache { entriesRemoved } }');
    const response = await fetch(`${testApp.app.url}/graphql?query=${query}`, {
      headers: { authorization: `Bearer ${await testApp.token('ADMIN')}`, 'apollo-require-preflight': 'yes' },
    });
    expect(response.status).toBe(405);
    expectRefusal((await response.json()) as Answer, 'BAD_USER_INPUT');
  });
});

describe('An invalid token is answered with 401, and never makes its sender anonymous:', () => {
  const FOREIGN_SECRET = 'another secret, of more than 32 bytes as well';
  const claims = { roles: ['ADMIN'], subject: 'test', expiresInSeconds: 3600 } as const;
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const unsigned = `${encode({ alg: 'none' })}.${encode({ roles: ['ADMIN'], sub: 'x', exp: 4e9 })}.`;

  test.each<[string, () => Promise<string>]>([
    ['malformed', async () => 'Bearer x'],
    ['empty', async () => 'Bearer '],
    ['of another scheme', async () => 'Basic YWRtaW46YWRtaW4='],
    ['without a scheme', () => testApp.token('ADMIN')],
    ['expired', async () => `Bearer ${await testApp.token('ADMIN', -60)}`],
    ['signed with another secret', async () => `Bearer ${await signToken({ ...claims, secret: FOREIGN_SECRET })}`],
    ['not signed', async () => `Bearer ${unsigned}`],
    ['cut off', async () => `Bearer ${(await testApp.token('ADMIN')).slice(0, -4)}`],
    [
      'of an unknown role',
      async () => `Bearer ${await signToken({ ...claims, secret: TEST_SECRET, roles: ['ROOT' as never] })}`,
    ],
  ])('%s', async (_name, makeAuthorization) => {
    const body = JSON.stringify({ query: '{ workstations { nodes { id } } }' });
    const { answer, headers, status } = await post(body, { authorization: await makeAuthorization() });
    expectRefusal(answer, 'UNAUTHENTICATED');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  test('a bad token is refused even by a server that allows reading without one', async () => {
    const open = await startTestApp({ env: { ANONYMOUS_ROLE: 'VIEWER' } });
    try {
      const response = await fetch(`${open.app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await open.token('VIEWER', -60)}` },
        body: JSON.stringify({ query: '{ workstations { nodes { id } } }' }),
      });
      expect(response.status).toBe(401);
      expectRefusal((await response.json()) as Answer, 'UNAUTHENTICATED');
    } finally {
      await open.close();
    }
  });
});

describe('An answer with errors', () => {
  test('names the path of each error, and keeps the fields that did not fail', async () => {
    const { answer, status } = await ask(`mutation { a: deleteWorkstation(id: "${ID}") }`);
    expect(status).toBe(200);
    expect(answer).toEqual({
      data: null,
      errors: [
        {
          message: 'There is no workstation with this id.',
          locations: [{ line: 1, column: 12 }],
          path: ['a'],
          extensions: { code: 'NOT_FOUND', field: 'id' },
        },
      ],
      extensions: { position: expect.any(String) },
    });
  });

  test('has at most one error for each failed field', async () => {
    const { answer } = await ask(
      '{ a: workstations(first: 0) { nodes { id } } b: managers(first: -1) { nodes { id } } }',
    );
    expect(answer.data).toBeNull();
    expect(answer.errors!.map(({ extensions }) => extensions)).toEqual([{ code: 'BAD_USER_INPUT', field: 'first' }]);
  });

  test('of a nested field leaves the server healthy', async () => {
    const { answer } = await ask('{ managers { nodes { workstations(first: 999) { nodes { id } } } } }');
    expectRefusal(answer, 'BAD_USER_INPUT', 'first');
    expect((await ask('{ managers { nodes { id } } }')).answer.errors).toBeUndefined();
  });

  test('contains no internals of the server', async () => {
    const { answer } = await ask(
      'mutation { createWorkstation(input: { name: "", hostname: "h", ipAddress: "::1", operatingSystem: "x" }) { id } }',
    );
    expect(JSON.stringify(answer)).not.toMatch(/stack|node_modules|\.ts\b|select |insert /i);
  });
});
