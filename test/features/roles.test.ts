import type { Role } from '../../src/auth/identity.ts';
import { collections } from '../../src/features/index.ts';
import { findProtectedFields } from '../graphql/protected-fields.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { readFleet } from './fleet-oracle.ts';
import { expectRefusal } from './refusal.ts';

const ROLES = [null, 'AGENT', 'MONITOR', 'VIEWER', 'OPERATOR', 'ADMIN'] as const;
const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const NEW_WORKSTATION = '{ name: "X", hostname: "x", ipAddress: "10.0.0.1", operatingSystem: "x" }';

/** Root fields with their roles; a new collection needs no entry for its own. An allowed operation fails for another reason, or changes nothing. */
const OPERATIONS: Record<string, { document: string; allowed: readonly Role[] }> = {
  workstations: { document: '{ workstations { nodes { id } } }', allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  workstation: { document: `{ workstation(id: "${UNKNOWN_ID}") { id } }`, allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  managers: { document: '{ managers { nodes { id } } }', allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  manager: { document: `{ manager(id: "${UNKNOWN_ID}") { id } }`, allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  node: { document: `{ node(id: "${UNKNOWN_ID}") { id } }`, allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  nodes: { document: `{ nodes(ids: ["${UNKNOWN_ID}"]) { id } }`, allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  cacheStats: { document: '{ cacheStats { hits } }', allowed: ['MONITOR', 'ADMIN'] },
  performanceMetrics: { document: '{ performanceMetrics { instanceId } }', allowed: ['MONITOR', 'ADMIN'] },
  performanceHistory: { document: '{ performanceHistory { requests } }', allowed: ['ADMIN'] },
  createWorkstation: {
    document: `mutation { createWorkstation(input: ${NEW_WORKSTATION}) { id } }`,
    allowed: ['OPERATOR', 'ADMIN'],
  },
  updateWorkstation: {
    document: `mutation { updateWorkstation(id: "${UNKNOWN_ID}", input: {}) { id } }`,
    allowed: ['OPERATOR', 'ADMIN'],
  },
  deleteWorkstation: {
    document: `mutation { deleteWorkstation(id: "${UNKNOWN_ID}") }`,
    allowed: ['OPERATOR', 'ADMIN'],
  },
  updateWorkstations: {
    document: 'mutation { updateWorkstations(filter: { ids: ["x"] }, input: { status: ONLINE }) { changed } }',
    allowed: ['OPERATOR', 'ADMIN'],
  },
  deleteWorkstations: {
    document: 'mutation { deleteWorkstations(filter: { ids: ["x"] }) { changed } }',
    allowed: ['OPERATOR', 'ADMIN'],
  },
  reportTelemetry: {
    document: `mutation { reportTelemetry(readings: [{ workstationId: "${UNKNOWN_ID}", cpuUsage: 1 }]) { stored } }`,
    allowed: ['OPERATOR', 'ADMIN', 'AGENT'],
  },
  createManager: {
    document: 'mutation { createManager(input: { name: "X", email: "x@fleet.example" }) { id } }',
    allowed: ['OPERATOR', 'ADMIN'],
  },
  updateManager: {
    document: `mutation { updateManager(id: "${UNKNOWN_ID}", input: {}) { id } }`,
    allowed: ['OPERATOR', 'ADMIN'],
  },
  deleteManager: { document: `mutation { deleteManager(id: "${UNKNOWN_ID}") }`, allowed: ['OPERATOR', 'ADMIN'] },
  fleetSummary: { document: '{ fleetSummary { total } }', allowed: ['VIEWER', 'OPERATOR', 'ADMIN'] },
  agentEnrollments: { document: '{ agentEnrollments { id } }', allowed: ['ADMIN'] },
  createAgentEnrollment: {
    document: 'mutation { createAgentEnrollment(input: { label: "X" }) { id } }',
    allowed: ['ADMIN'],
  },
  revokeAgentEnrollment: {
    document: `mutation { revokeAgentEnrollment(id: "${UNKNOWN_ID}") }`,
    allowed: ['ADMIN'],
  },
  revokeAgentKey: { document: `mutation { revokeAgentKey(workstationId: "${UNKNOWN_ID}") }`, allowed: ['ADMIN'] },
  clearCache: { document: 'mutation { clearCache { entriesRemoved } }', allowed: ['ADMIN'] },
  invalidateCache: { document: 'mutation { invalidateCache(pattern: "x") { entriesRemoved } }', allowed: ['ADMIN'] },
  cacheEntries: { document: '{ cacheEntries { totalCount } }', allowed: ['ADMIN'] },
  cacheEntry: { document: '{ cacheEntry(key: "x") { key } }', allowed: ['ADMIN'] },
  cacheRemovals: { document: '{ cacheRemovals { key } }', allowed: ['ADMIN'] },
};

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 2, workstations: 4 } });
});

afterAll(() => testApp.close());

afterEach(async () => {
  await testApp.sql("delete from workstation where name = 'X'");
  await testApp.sql("delete from manager where name = 'X'");
});

describe.each(Object.entries(OPERATIONS))('%s', (field, { document, allowed }) => {
  test.each(ROLES.map((role) => [role ?? 'a caller without a token', role] as const))('as %s', async (_name, role) => {
    const before = await readFleet(testApp);
    const answer = await testApp.ask(document, { role });
    const isAllowed = role !== null && allowed.includes(role);
    if (isAllowed) {
      // Authorization is checked before ids.
      const codes = (answer.errors ?? []).map(({ extensions }) => extensions.code);
      const isAboutUnknownId = /^(update|delete|revoke)/.test(field) && !field.endsWith('Workstations');
      expect(codes).toEqual(isAboutUnknownId ? ['NOT_FOUND'] : []);
    } else {
      expectRefusal(answer, role === null ? 'UNAUTHENTICATED' : 'FORBIDDEN');
      expect(answer.errors![0]!.path).toEqual([field]);
      expect(await readFleet(testApp)).toEqual(before);
    }
  });
});

/** What a collection's own fields need: viewers read its rows, operators write them. */
const USUAL_ROLES = new Map<string, Role>(
  collections.flatMap(({ entity, key }) => {
    const row = entity.meta.className;
    const one = row[0]!.toLowerCase() + row.slice(1);
    const reads = [one, key].map((name) => [`Query.${name}`, 'VIEWER'] as const);
    return [...reads, ...['create', 'update', 'delete'].map((verb) => [`Mutation.${verb}${row}`, 'OPERATOR'] as const)];
  }),
);

const ROOT_FIELDS = findProtectedFields().filter(
  ({ operation, steps }) => operation !== 'subscription' && steps.length === 1,
);

test('viewers read the rows of every collection, and operators write them', () => {
  const usual = ROOT_FIELDS.filter(({ name }) => USUAL_ROLES.has(name));
  expect(usual.length).toBeGreaterThan(0);
  expect(usual.map(({ name, steps }) => [name, steps[0]!.roles])).toEqual(
    usual.map(({ name }) => [name, [USUAL_ROLES.get(name)]]),
  );
});

test('the table names every other query and mutation of the schema that needs a role', () => {
  const others = ROOT_FIELDS.filter(({ name, steps }) => !USUAL_ROLES.has(name) && steps[0]!.roles).map(
    ({ steps }) => steps[0]!.name,
  );
  expect(Object.keys(OPERATIONS)).toEqual(expect.arrayContaining(others));
  expect(others.length).toBeGreaterThan(0);
});

test('an agent cannot read through a mutation it may make', async () => {
  const before = testApp.app.database.statementCount;
  const answer = await testApp.ask(
    'mutation { reportTelemetry(readings: []) { stored unknownIds } createManager(input: { name: "X", email: "x@fleet.example" }) { id } }',
    { role: 'AGENT' },
  );
  expectRefusal(answer, 'FORBIDDEN');
  expect(testApp.app.database.statementCount).toBe(before);
});

test('a caller without the role is refused before anything is loaded', async () => {
  for (const role of [null, 'AGENT', 'MONITOR'] as const) {
    testApp.app.cache.clear();
    const statements = await testApp.countStatements(() =>
      testApp.ask('{ workstations { totalCount nodes { id manager { name } } } managers { nodes { id } } }', { role }),
    );
    expect(statements).toBe(0);
  }
});

describe('With ANONYMOUS_ROLE', () => {
  test('VIEWER, callers without a token may read but not write', async () => {
    const open = await startTestApp({ env: { ANONYMOUS_ROLE: 'VIEWER' } });
    try {
      expect(await open.ask('{ workstations { nodes { id } } }', { role: null })).toEqual({
        data: { workstations: { nodes: [] } },
      });
      const write = await open.ask(`mutation { createWorkstation(input: ${NEW_WORKSTATION}) { id } }`, { role: null });
      expectRefusal(write, 'UNAUTHENTICATED');
    } finally {
      await open.close();
    }
  });
});
