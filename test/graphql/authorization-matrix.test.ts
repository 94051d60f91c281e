import { setImmediate } from 'node:timers/promises';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { Role } from '../../src/auth/identity.ts';
import { connectSocket, type TestSocket } from '../support/socket.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import {
  findProtectedFields,
  findReachableTypes,
  type ProtectedField,
  type Step,
  selectAll,
} from './protected-fields.ts';

/** From those who may most to those who may least, so that what was cached for some is there for the others to find. */
const ASKERS = ['ADMIN', 'OPERATOR', 'VIEWER', 'AGENT', null] as const;
type Asker = (typeof ASKERS)[number];

/** Said here once more, because the table in the application is what this file tests. */
const INCLUDED: Record<Role, readonly Role[]> = {
  VIEWER: ['VIEWER'],
  OPERATOR: ['OPERATOR', 'VIEWER'],
  ADMIN: ['ADMIN', 'OPERATOR', 'VIEWER'],
  AGENT: ['AGENT'],
};

function mayAsk(asker: Asker, roles: readonly Role[]): boolean {
  if (asker === null) return false;
  return roles.length === 0 || roles.some((role) => INCLUDED[asker].includes(role));
}

interface Question {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
  /** The keys in the answer, from its root to the field in question. */
  readonly keys: readonly string[];
}

/** The ways to spell one question. `null`: a subscription cannot be spelt like that. */
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

/** A selection set that goes down the steps. */
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

/** The ways to put a question. */
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
      return (await (query.includes('subscription ') ? withChanges(event) : event)).value;
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

/** Changes workstations until `event` is there, for a subscription that waits for such a change. */
async function withChanges<T>(event: Promise<T>): Promise<T> {
  let isThere = false;
  const there = event.finally(() => {
    isThere = true;
  });
  there.catch(() => {});
  while (!isThere) {
    await testApp.sql("update workstation set operating_system = 'x'");
    // The embedded database answers without giving the sockets their turn.
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
    sockets.set(asker, await connectSocket(testApp, asker));
  }
});

afterAll(async () => {
  for (const socket of sockets.values()) await socket.close();
  await testApp.close();
});

const FIELDS = findProtectedFields();

test('every query, mutation and subscription says who may ask for it', () => {
  const silent = FIELDS.filter(({ steps }) => steps.at(-1)!.roles === undefined);
  expect(silent.map(({ name }) => name)).toEqual([]);
});

const CELLS = FIELDS.flatMap((field) =>
  Object.entries(SPELLINGS).flatMap(([spelling, spell]) => {
    const question = spell(field);
    return question === null ? [] : doorsFor(field).map((door) => ({ field, spelling, door, question }));
  }),
);

describe(`${FIELDS.length} fields, asked for by ${ASKERS.length} in ${CELLS.length} ways`, () => {
  describe.each(FIELDS)('$name', (field) => {
    const cells = CELLS.filter((cell) => cell.field === field);

    test.each(ASKERS.map((asker) => [asker ?? 'nobody', asker] as const))('by %s', async (_name, asker) => {
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
    });
  });
});

/** What went wrong and where, but for what comes of asking for things that do not exist, or do already. */
function judge({ data, errors = [] }: Outcome, { keys }: Question): { faults: string[]; value: unknown } {
  const faults = errors
    .filter(({ extensions }) => !['NOT_FOUND', 'CONFLICT'].includes(extensions?.code as string))
    .map(({ extensions, message, path }) => {
      const at = path?.filter((key) => typeof key === 'string').join('.') ?? message;
      return `${extensions?.code} at ${at}`;
    });
  return { faults: [...new Set(faults)], value: valueAt(data, keys) };
}

/** `null` unless there is one. Of lists the first that has one counts. */
function valueAt(data: unknown, [key, ...rest]: readonly string[]): unknown {
  if (data === null || data === undefined) return null;
  if (Array.isArray(data))
    return data.map((element) => valueAt(element, [key!, ...rest])).find((value) => value !== null) ?? null;
  return key === undefined ? data : valueAt((data as Record<string, unknown>)[key], rest);
}

describe('By whatever way, nested as deep as they like', () => {
  const FOR_REPORTERS = ['TelemetryReport'];
  const FOR_READERS = [
    'Manager',
    'ManagerConnection',
    'ManagerEdge',
    'PageInfo',
    'Workstation',
    'WorkstationChange',
    'WorkstationConnection',
    'WorkstationEdge',
  ];
  const FOR_ADMINS = [
    'CacheLayerStats',
    'CacheStats',
    'ChangeFeedMetrics',
    'ClearCacheResult',
    'InstanceMetrics',
    'InvalidateCacheResult',
    'ManagerMetrics',
    'PerformanceMetrics',
    'WebSocketMetrics',
  ];

  test.each<[Asker, string[]]>([
    [null, []],
    ['AGENT', FOR_REPORTERS],
    ['VIEWER', FOR_READERS],
    ['OPERATOR', [...FOR_READERS, ...FOR_REPORTERS]],
    ['ADMIN', [...FOR_READERS, ...FOR_REPORTERS, ...FOR_ADMINS]],
  ])('%s gets to see nothing but what is meant for such', (asker, types) => {
    expect(findReachableTypes((roles) => mayAsk(asker, roles))).toEqual(types.toSorted());
  });
});
