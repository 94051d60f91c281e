import fc from 'fast-check';
import { createApp } from '../../src/app.ts';
import { ROLES, type Role } from '../../src/auth/identity.ts';
import { signToken } from '../../src/auth/tokens.ts';
import { loadConfig } from '../../src/config/config.ts';
import { engine } from '../../src/testing/test-database.ts';
import { startTestApp, TEST_SECRET, type TestApp } from '../support/test-app.ts';

/*
 * Two servers on one database: one caches whole responses; the other caches none, so it cannot confuse them. For every
 * caller and every request both must answer the same.
 */

const onEmbedded = engine === 'pglite' ? describe : describe.skip;

const QUERIES = [
  '{ workstations { nodes { id name status manager { name } } } }',
  'query ($first: Int) { workstations(first: $first) { totalCount nodes { name version } } }',
  'query ($id: ID!) { workstation(id: $id) { name version manager { email } } }',
  '{ managers { nodes { name workstations { nodes { name } } } } }',
  'query ($id: ID!) { workstation(id: $id) { __typename } managers { totalCount } }',
  '{ cacheStats { __typename } }',
  '{ workstations { totalCount } cacheStats { __typename } }',
  'query ($id: ID!, $all: Boolean = false) { workstation(id: $id) { name } performanceMetrics @include(if: $all) { __typename } }',
  '{ __typename }',
  '{ workstations { nodes { id } } ',
] as const;

const MUTATIONS = [
  'mutation ($id: ID!) { updateWorkstation(id: $id, input: { operatingSystem: "x" }) { name version } }',
  'mutation ($id: ID!) { reportTelemetry(readings: [{ workstationId: $id, cpuUsage: 1 }]) { stored } }',
  'mutation { clearCache { message } }',
] as const;

/** `null`: without a token; `bad`: with an invalid token. */
type Asker = readonly Role[] | 'bad' | null;

interface Question {
  readonly query: string;
  readonly variables: { first?: number; workstation: number; all?: boolean };
  readonly by: 'POST' | 'GET';
}

interface Step {
  readonly question: Question;
  /** Requests sent at the same moment. */
  readonly askers: readonly Asker[];
}

const asker: fc.Arbitrary<Asker> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...ROLES).map((role) => [role]) },
  { weight: 1, arbitrary: fc.subarray([...ROLES], { minLength: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, 'bad' as const) },
);

const variables = fc.record(
  { first: fc.integer({ min: 1, max: 2 }), workstation: fc.nat(2), all: fc.boolean() },
  { requiredKeys: ['workstation'] },
);

const question: fc.Arbitrary<Question> = fc.record({
  query: fc.constantFrom(...QUERIES),
  variables,
  by: fc.constantFrom('POST', 'GET'),
});

const change: fc.Arbitrary<Step> = fc.record({
  question: fc.record({ query: fc.constantFrom(...MUTATIONS), variables, by: fc.constant('POST' as const) }),
  askers: asker.map((one) => [one]),
});

/** A few requests that are repeated, with occasional changes. */
const history: fc.Arbitrary<Step[]> = fc.array(question, { minLength: 2, maxLength: 4 }).chain((questions) => {
  const asked = fc.record({
    question: fc.constantFrom(...questions),
    askers: fc.array(asker, { minLength: 1, maxLength: 4 }),
  });
  const step = fc.oneof({ weight: 9, arbitrary: asked }, { weight: 1, arbitrary: change });
  return fc.array(step, { minLength: 15, maxLength: 25, size: 'max' });
});

onEmbedded('No answer kept for one reaches another', () => {
  let kept: TestApp;
  let oracle: Awaited<ReturnType<typeof createApp>>;
  let ids: string[];

  beforeAll(async () => {
    kept = await startTestApp({ fleet: { managers: 2, workstations: 3 } });
    const env = { NODE_ENV: 'test', PORT: '0', AUTH_JWT_SECRET: TEST_SECRET, ANONYMOUS_ROLE: 'none', WARM_UP: 'off' };
    oracle = await createApp(loadConfig({ ...env, RESPONSE_CACHE: 'off' }), { pglite: kept.app.database.pglite! });
    ids = (await kept.sql<{ id: string }>('select id from workstation order by id')).map(({ id }) => id);
  });

  afterAll(async () => {
    await oracle.close();
    await kept.close();
  });

  async function ask(url: string, asker: Asker, { query, variables: { workstation, ...rest }, by }: Question) {
    const variables = { id: ids[workstation], ...rest };
    const authorization = await authorize(asker);
    const headers = { ...(authorization && { authorization }), 'apollo-require-preflight': 'yes' };
    const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
    const response =
      by === 'GET'
        ? await fetch(`${url}/graphql?${search}`, { headers })
        : await fetch(`${url}/graphql`, {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' },
            body: JSON.stringify({ query, variables }),
          });
    return { status: response.status, type: response.headers.get('content-type'), body: await response.json() };
  }

  /** The answers of both servers; the second one's caches have just been cleared. */
  async function askBoth({ question, askers }: Step) {
    const answers = await Promise.all(askers.map((asker) => ask(kept.app.url, asker, question)));
    if (question.query.startsWith('mutation')) return { answers, expected: answers };
    const expected = [];
    for (const asker of askers) {
      oracle.cache.clear();
      expected.push(await ask(oracle.url, asker, question));
    }
    return { answers, expected };
  }

  test('for any requests in any order', async () => {
    const hits = () => kept.app.cache.getStats().layers.find(({ name }) => name === 'responses')!.hits;
    const before = hits();
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        kept.app.cache.clear();
        for (const step of steps) {
          const { answers, expected } = await askBoth(step);
          expect({ step, answers }).toEqual({ step, answers: expected });
        }
      }),
      { numRuns: 5 },
    );
    // Otherwise the test would prove nothing.
    expect(hits() - before).toBeGreaterThan(0);
  });
});

const tokens = new Map<string, Promise<string>>();

function authorize(asker: Asker): Promise<string> | undefined {
  if (asker === null) return undefined;
  const name = String(asker);
  const claims = { subject: name, roles: asker === 'bad' ? (['ADMIN'] as const) : asker, expiresInSeconds: 3600 };
  const secret = asker === 'bad' ? TEST_SECRET.toUpperCase() : TEST_SECRET;
  const token = tokens.get(name) ?? signToken({ ...claims, secret }).then((signed) => `Bearer ${signed}`);
  tokens.set(name, token);
  return token;
}
