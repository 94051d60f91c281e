import { startStubServer, stopStubServers } from '../support/stub-server.ts';
import { startTestApp, TEST_SECRET, type TestApp, type TestSocket } from '../support/test-app.ts';

let testApp: TestApp;
let socket: TestSocket;

beforeAll(async () => {
  testApp = await startTestApp({
    env: { NODE_ENV: 'production', HOST: '127.0.0.1', AUTH_JWT_SECRET: TEST_SECRET, LOG_LEVEL: 'silent' },
  });
  socket = await testApp.connect();
});

afterAll(async () => {
  await socket.close();
  await testApp.close();
});

type NearMiss = [what: string, query: string, variables: Record<string, unknown>];

/** Each differs by about one letter from an existing name. */
const NEAR_MISSES: readonly NearMiss[] = [
  ['a field', '{ workstation(id: "1") { hostnam } }', {}],
  ['a root field', '{ workstatoins { totalCount } }', {}],
  ['a field without its selection', '{ workstations }', {}],
  ['an argument', '{ workstations(frist: 1) { totalCount } }', {}],
  ['an argument of a directive', '{ __typename @skip(iff: true) }', {}],
  ['a type', 'query ($f: WorkstationFiltr) { workstations(filter: $f) { totalCount } }', {}],
  ['a type of a fragment', '{ workstations { ... on WorkstationConnectio { totalCount } } }', {}],
  ['an enum value', '{ workstations(filter: { status: [ONLIN] }) { totalCount } }', {}],
  ['an enum value as a string', '{ workstations(filter: { status: ["ONLINE"] }) { totalCount } }', {}],
  ['an input field', '{ workstations(filter: { statu: [ONLINE] }) { totalCount } }', {}],
  [
    'an enum value in a variable',
    'query ($s: WorkstationStatus!) { workstations(filter: { status: [$s] }) { totalCount } }',
    { s: 'ONLIN' },
  ],
  [
    'an input field in a variable',
    'query ($f: WorkstationFilter) { workstations(filter: $f) { totalCount } }',
    { f: { statu: [] } },
  ],
  [
    'an enum value in an input field in a variable',
    'query ($f: WorkstationFilter) { workstations(filter: $f) { totalCount } }',
    { f: { status: ['ONLIN'] } },
  ],
  ['a mutation', 'mutation { clearCach { message } }', {}],
];

const HINT = /did you mean/i;

describe('in production a misspelled name gives no hint:', () => {
  test.each<NearMiss>(NEAR_MISSES)('%s, over HTTP', async (_what, query, variables) => {
    const { errors } = await testApp.ask(query, { variables });
    expect(errors![0]).toMatchObject({ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } });
    expect(JSON.stringify(errors)).not.toMatch(HINT);
  });

  test.each<NearMiss>([...NEAR_MISSES, ['a subscription', 'subscription { workstationChange { id } }', {}]])(
    '%s, over a WebSocket',
    async (_what, query, variables) => {
      const result = await socket
        .subscribe(query, variables)
        .next()
        .catch((errors) => ({ errors }));
      expect(result.errors[0]).toMatchObject({ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } });
      expect(JSON.stringify(result.errors)).not.toMatch(HINT);
    },
  );
});

describe('in production the schema cannot be queried', () => {
  test.each(['{ __schema { types { name } } }', '{ __type(name: "Workstation") { fields { name } } }'])(
    'with %s',
    async (query) => {
      expect(await testApp.ask(query)).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
      const errors = await socket
        .subscribe(query)
        .next()
        .catch((reason) => reason);
      expect(errors[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
    },
  );

  test('except for __typename, which clients need', async () => {
    expect(await testApp.ask('{ __typename }')).toEqual({ data: { __typename: 'Query' } });
  });
});

describe('the setting INTROSPECTION', () => {
  afterEach(stopStubServers);

  const SCHEMA = '{ __schema { queryType { name } } }';

  test('can be on in production, which still gives no hints', async () => {
    const { post } = await startStubServer({ config: { environment: 'production', introspection: true } });
    expect(await (await post(SCHEMA)).json()).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
    expect(await (await post('{ helo }')).text()).not.toMatch(HINT);
  });

  test('can be off in development, which then gives no hints', async () => {
    const { post } = await startStubServer({ config: { introspection: false } });
    expect(await (await post(SCHEMA)).json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(await (await post('{ helo }')).text()).not.toMatch(HINT);
  });

  test('is on in development, where hints help developers', async () => {
    const { post } = await startStubServer();
    expect(await (await post(SCHEMA)).json()).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
    expect(await (await post('{ helo }')).text()).toMatch(HINT);
  });
});
