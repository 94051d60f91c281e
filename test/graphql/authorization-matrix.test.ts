import { setImmediate } from 'node:timers/promises';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { Role } from '../../src/auth/identity.ts';
import { collections } from '../../src/features/index.ts';
import { startTestApp, type TestApp, type TestSocket } from '../support/test-app.ts';
import {
  findProtectedFields,
  findReachableTypes,
  type ProtectedField,
  type Step,
  selectAll,
} from './protected-fields.ts';

/** From the most to the least powerful role, so that responses cached for the first could leak to the others. */
const ASKERS = ['ADMIN', 'OPERATOR', 'VIEWER', 'AGENT', 'MONITOR', null] as const;
type Asker = (typeof ASKERS)[number];

/** Repeated here, because this file tests the application's own table. */
const INCLUDED: Record<Role, readonly Role[]> = {
  VIEWER: ['VIEWER'],
  OPERATOR: ['OPERATOR', 'VIEWER'],
  ADMIN: ['ADMIN', 'OPERATOR', 'VIEWER', 'MONITOR'],
  AGENT: ['AGENT'],
  MONITOR: ['MONITOR'],
};

function mayAsk(asker: Asker, roles: readonly Role[]): boolean {
  if (asker === null) return false;
  return roles.length === 0 || roles.some((role) => INCLUDED[asker].includes(role));
}

interface Question {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
  /** The path of the tested field in the response. */
  readonly keys: readonly string[];
}

/** The ways to write one selection. `null` if a subscription cannot be written like that. */
const SPELLINGS: Record<string, (field: ProtectedField) => Question | null> = {
  plainly: ({ operation, steps }) => ({ query: `${operation} ${nest(steps)}`, keys: keysOf(steps) }),
  'under an alias': ({ operation, steps }) => ({
    query: `${operation} ${nest(steps, { field: ({ step }) => `__${step.name}: ` })}`,
    keys: steps.map(({ name }) => `__${name}`),
  }),
  'in inline fragments': ({ operation, steps }) => ({
    query: `${operation} ${nest(steps, { around: (type, inner) => `... on ${type} { ${inner} }` })}`,
    keys: keysOf(steps),
  }),
  'in a fragment without a type, included': ({ operation, steps }) =>
    operation === 'subscription'
      ? null
      : {
          query: `${operation} ($yes: Boolean!) ${nest(steps, {
            around: (_type, inner) => `... @include(if: $yes) { ${inner} }`,
          })}`,
          variables: { yes: true },
          keys: keysOf(steps),
        },
  'in a fragment of a fragment': ({ operation, steps }) => {
    const [root] = steps;
    const document = nest(steps);
    return {
      query: `${operation} { ...Outer }
        fragment Inner on ${root!.type.name} ${document}
        fragment Outer on ${root!.type.name} { ...Inner }`,
      keys: keysOf(steps),
    };
  },
  'with all that hangs on it': ({ operation, steps }) => ({
    query: `${operation} ${nest(steps, { depth: 3 })}`,
    keys: keysOf(steps),
  }),
  'as one of several operations': ({ operation, steps }) => ({
    query: `query Harmless { __typename } ${operation} Asked ${nest(steps)}`,
    operationName: 'Asked',
    keys: keysOf(steps),
  }),
  'behind what anyone may ask': ({ operation, steps }) =>
    operation === 'subscription'
      ? null
      : {
          query: `${operation} { first: __typename ...Asked } fragment Asked on ${steps[0]!.type.name} ${nest(steps)}`,
          keys: keysOf(steps),
        },
};

function keysOf(steps: readonly Step[]): string[] {
  return steps.map(({ name }) => name);
}

/** A selection set that follows the steps. */
function nest(
  steps: readonly Step[],
  {
    field = () => '',
    around = (_type, inner) => inner,
    depth = 0,
  }: {
    field?: (parts: { step: Step }) => string;
    around?: (type: string, inner: string) => string;
    depth?: number;
  } = {},
): string {
  const [step, ...rest] = steps as [Step, ...Step[]];
  const below = rest.length > 0 ? nest(rest, { field, around, depth }) : step.result ? selectBelow(step, depth) : '';
  return `{ ${around(step.type.name, `${field({ step })}${step.name}${step.args} ${below}`)} }`;
}

function selectBelow({ result }: Step, depth: number): string {
  return depth === 0 ? '{ __typename }' : selectAll(result!, depth);
}

type Outcome = Pick<ExecutionResult<Record<string, unknown>>, 'data' | 'errors'>;

/** The transports of an operation. */
const DOORS: Record<string, (question: Question, asker: Asker) => Promise<Outcome>> = {
  POST: ({ query, variables, operationName }, asker) =>
    fetchAnswer('', asker, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables, operationName }),
    }),
  GET: ({ query, variables = {}, operationName }, asker) =>
    fetchAnswer(
      `?${new URLSearchParams({ query, ...(operationName && { operationName }), variables: JSON.stringify(variables) })}`,
      asker,
      {
        headers: { 'apollo-require-preflight': 'yes' },
      },
    ),
  WebSocket: async ({ query, variables, operationName }, asker) => {
    const { client } = sockets.get(asker)!;
    const events = client.iterate<Record<string, unknown>>({ query, variables, operationName });
    try {
      const event = events.next();
      return (await (query.includes('subscription ') ? withChanges(event, changeFor(query)) : event)).value;
    } catch (errors) {
      if (!Array.isArray(errors)) throw errors;
      return { errors: errors as GraphQLError[] };
    } finally {
      await events.return!();
    }
  },
};

function doorsFor({ operation }: ProtectedField): string[] {
  if (operation === 'subscription') return ['WebSocket'];
  return operation === 'query' ? ['POST', 'GET', 'WebSocket'] : ['POST', 'WebSocket'];
}

async function fetchAnswer(search: string, asker: Asker, init: RequestInit): Promise<Outcome> {
  const authorization = authorizations.get(asker);
  const headers = { ...(init.headers as Record<string, string>), ...(authorization && { authorization }) };
  const response = await fetch(`${testApp.app.url}/graphql${search}`, { ...init, headers });
  return (await response.json()) as Outcome;
}

/** A change of what a subscription tells of; other subscriptions need none. */
function changeFor(query: string): string {
  const { table } = collections.find(({ table }) => query.includes(`${table}Changed`)) ?? collections[0]!;
  return `update ${table} set created_at = created_at - interval '1 second'`;
}

/** Changes the rows that a subscription tells of until the subscription has received `event`. */
async function withChanges<T>(event: Promise<T>, change: string): Promise<T> {
  let isThere = false;
  const there = event.finally(() => {
    isThere = true;
  });
  there.catch(() => {});
  while (!isThere) {
    await testApp.sql(change);
    // The embedded database answers without yielding to the sockets.
    await setImmediate();
  }
  return there;
}

let testApp: TestApp;
const authorizations = new Map<Asker, string | undefined>();
const sockets = new Map<Asker, TestSocket>();

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 2 } });
  for (const asker of ASKERS) {
    authorizations.set(asker, asker === null ? undefined : `Bearer ${await testApp.token(asker)}`);
    sockets.set(asker, await testApp.connect(asker));
  }
});

afterAll(async () => {
  for (const socket of sockets.values()) await socket.close();
  await testApp.close();
});

/** An argument decides who may use them. */
const OPEN = ['Mutation.enrollAgent'];

const FIELDS = findProtectedFields().filter(({ name }) => !OPEN.includes(name));

test('every other query, mutation and subscription names its roles', () => {
  const silent = findProtectedFields().filter(({ steps }) => steps.at(-1)!.roles === undefined);
  expect(silent.map(({ name }) => name)).toEqual(OPEN);
});

const CELLS = FIELDS.flatMap((field) =>
  Object.entries(SPELLINGS).flatMap(([spelling, spell]) => {
    const question = spell(field);
    return question === null ? [] : doorsFor(field).map((door) => ({ field, spelling, door, question }));
  }),
);

describe(`${FIELDS.length} fields, requested by ${ASKERS.length} callers in ${CELLS.length} ways`, () => {
  describe.each(FIELDS)('$name', (field) => {
    const cells = CELLS.filter((cell) => cell.field === field);

    test.each(ASKERS.map((asker) => [asker ?? 'a caller without a token', asker] as const))(
      'by %s',
      async (_name, asker) => {
        const refusedAt = field.steps.findIndex(({ roles }) => roles !== undefined && !mayAsk(asker, roles));
        const code = asker === null ? 'UNAUTHENTICATED' : 'FORBIDDEN';
        const statements = await testApp.countStatements(() =>
          Promise.all(
            cells.map(async ({ spelling, door, question }) => {
              const verdict = judge(await DOORS[door]!(question, asker), question);
              const refusal = `${code} at ${question.keys.slice(0, refusedAt + 1).join('.')}`;
              expect({ spelling, door, ...verdict }).toEqual(
                refusedAt === -1
                  ? { spelling, door, faults: [], value: verdict.value }
                  : { spelling, door, faults: [refusal], value: null },
              );
            }),
          ),
        );
        if (refusedAt === 0) expect(statements).toBe(0);
      },
    );
  });
});

/** The errors with their paths, without those caused by missing or already existing rows. */
function judge({ data, errors = [] }: Outcome, { keys }: Question): { faults: string[]; value: unknown } {
  const faults = errors
    .filter(({ extensions }) => !['NOT_FOUND', 'CONFLICT'].includes(extensions?.code as string))
    .map(({ extensions, message, path }) => {
      const at = path?.filter((key) => typeof key === 'string').join('.') ?? message;
      return `${extensions?.code} at ${at}`;
    });
  return { faults: [...new Set(faults)], value: valueAt(data, keys) };
}

/** The value at the path, or `null`; in a list, the first element that has one. */
function valueAt(data: unknown, [key, ...rest]: readonly string[]): unknown {
  if (data === null || data === undefined) return null;
  if (Array.isArray(data))
    return data.map((element) => valueAt(element, [key!, ...rest])).find((value) => value !== null) ?? null;
  return key === undefined ? data : valueAt((data as Record<string, unknown>)[key], rest);
}

describe('By any path and at any depth', () => {
  const FOR_ANYONE = ['AgentCredentials', 'Workstation'];
  const FOR_OPERATORS = ['BulkResult'];
  const FOR_REPORTERS = ['RejectedReading', 'TelemetryReport'];
  // The rows of every collection and their lists are for readers; any other type needs a decision here.
  const SUBSCRIBED = new Set(
    FIELDS.map(({ operation, steps }) => operation === 'subscription' && steps[0]!.result?.name),
  );
  const ROWS = collections.map(({ entity }) => entity.meta.className);
  const FOR_READERS = [
    ...ROWS.flatMap((row) => [row, `${row}Connection`, `${row}Edge`]),
    ...ROWS.map((row) => `${row}Change`).filter((change) => SUBSCRIBED.has(change)),
    'Node',
    'PageInfo',
    'FleetSummary',
    'StatusCount',
    'OperatingSystemCount',
    'UsageSummary',
  ];
  const FOR_ADMINS = [
    'AgentEnrollment',
    'AgentEnrollmentToken',
    'CacheEntry',
    'CacheEntryConnection',
    'CacheEntryEdge',
    'CacheRemoval',
    'ClearCacheResult',
    'InvalidateCacheResult',
  ];
  const FOR_MONITORS = [
    'AuditMetrics',
    'CacheLayerStats',
    'CacheStats',
    'ChangeFeedMetrics',
    'InstanceMetrics',
    'ManagerMetrics',
    'PerformanceMetrics',
    'PerformanceSample',
    'WebSocketMetrics',
  ];

  test.each<[Asker, string[]]>([
    [null, []],
    ['AGENT', FOR_REPORTERS],
    ['MONITOR', FOR_MONITORS],
    ['VIEWER', FOR_READERS],
    ['OPERATOR', [...FOR_READERS, ...FOR_REPORTERS, ...FOR_OPERATORS]],
    ['ADMIN', [...FOR_READERS, ...FOR_REPORTERS, ...FOR_OPERATORS, ...FOR_ADMINS, ...FOR_MONITORS]],
  ])('%s gets to see nothing but what is meant for such', (asker, types) => {
    const meant = new Set([...types, ...FOR_ANYONE]);
    expect(findReachableTypes((roles) => mayAsk(asker, roles))).toEqual([...meant].toSorted());
  });
});
