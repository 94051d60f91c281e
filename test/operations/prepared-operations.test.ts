import fc from 'fast-check';
import {
  buildSchema,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isListType,
  type OperationDefinitionNode,
  parse,
  typeFromAST,
  type VariableDefinitionNode,
  validate,
} from 'graphql';
import { loadConfig } from '../../src/config/config.ts';
import { features } from '../../src/features/index.ts';
import { createContext } from '../../src/graphql/context.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { PreparedOperations } from '../../src/operations/prepared-operations.ts';
import { createQueryGuard } from '../../src/operations/query-limits.ts';
import { createValidator } from '../../src/operations/validation.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { QUERIES } from './queries.ts';
import { randomQuery } from './random-queries.ts';

/** A query is executed three times by graphql-js, then it is compiled. */
const EXECUTIONS = 4;

describe('A compiled query answers exactly as an uncompiled one does', () => {
  let testApp: TestApp;
  let ids: string[];
  let authorization: string;

  beforeAll(async () => {
    testApp = await startTestApp({ fleet: { managers: 3, workstations: 12 }, env: { RESPONSE_CACHE: 'off' } });
    const rows = await testApp.sql('(select id from workstation limit 1) union all (select id from manager limit 1)');
    ids = rows.map(({ id }) => id);
    authorization = `Bearer ${await testApp.token('ADMIN')}`;
  });

  afterAll(() => testApp.close());

  async function answersTo(query: string, variables: unknown, executions = EXECUTIONS): Promise<Set<string>> {
    const answers = new Set<string>();
    for (let execution = 0; execution < executions; execution++) {
      const response = await fetch(`${testApp.app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ query, variables }),
      });
      answers.add(`${response.status} ${withErrorsInOrder(await response.text())}`);
    }
    return answers;
  }

  /** A value for each variable that an operation declares. */
  function variablesFor(declared: readonly VariableDefinitionNode[]): Record<string, unknown> {
    const schema = createSchema(features);
    const given = declared.map(({ type, variable }) => {
      const inputType = typeFromAST(schema, type as never) as GraphQLInputType;
      const value = VALUES[getNamedType(inputType).name]?.(ids) ?? {};
      return [variable.name.value, isListType(inputType) ? [value] : value] as const;
    });
    return Object.fromEntries(given);
  }

  test('for every form of query', async () => {
    for (const query of QUERIES.filter((text) => !CHANGING.test(text))) {
      const { variableDefinitions: declared = [] } = parse(query).definitions[0] as OperationDefinitionNode;
      for (const variables of declared.length > 0 ? [undefined, variablesFor(declared)] : [undefined]) {
        const answers = await answersTo(query, variables);
        expect([...answers]).toHaveLength(1);
      }
    }
  });

  test('and fails after one more execution, which says why', async () => {
    const query = '{ managers(first: 2) { nodes { email } } }';
    await answersTo(query, undefined);
    await testApp.sql('alter table manager rename to elsewhere');
    testApp.app.cache.clear();
    const statements = await testApp.countStatements(async () => {
      expect([...(await answersTo(query, undefined, 1))]).toEqual([expect.stringContaining('INTERNAL_SERVER_ERROR')]);
    });
    await testApp.sql('alter table elsewhere rename to manager');
    expect(statements).toBe(2);
  });

  test('for queries made at random, with variables that may not suit them', async () => {
    await fc.assert(
      fc.asyncProperty(randomQuery(ids), async ({ query, variables }) => {
        expect([...(await answersTo(query, variables))]).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });
});

/** Fields fail in the order in which their reads end. */
function withErrorsInOrder(text: string): string {
  const { errors, ...answer } = JSON.parse(text) as { errors?: object[] };
  return JSON.stringify([answer, errors?.map((error) => JSON.stringify(error)).sort()]);
}

const VALUES: Record<string, (ids: readonly string[]) => unknown> = {
  ID: (ids) => ids[0],
  Int: () => 3,
  String: () => 'a',
  Boolean: () => true,
  WorkstationOrder: () => ({ field: 'STATUS', direction: 'DESC' }),
};

const ALL_TRUE = new Proxy(
  {},
  { get: () => true, getOwnPropertyDescriptor: () => ({ value: true, configurable: true }) },
);

/** Their answers differ from one time to the next. */
const CHANGING = /cacheStats|performanceMetrics/;

const MODERATE = loadConfig({}).queries;

function prepare(schema: GraphQLSchema, options: { maxTexts?: number } = {}) {
  const validated: string[] = [];
  const validate = createValidator({ schema, guard: createQueryGuard(MODERATE), introspection: true });
  const operations = new PreparedOperations({
    schema,
    validate(text) {
      validated.push(text);
      return validate(text);
    },
    ...options,
  });
  return { operations, validated };
}

describe('A prepared operation', () => {
  const executions: string[] = [];
  const schema = buildSchema('type Query { a(number: Int): Int } type Mutation { b: Int }');
  const identity = { subject: 'test', roles: [], isAnonymous: true, expiresAtMs: null };
  const logger = createLogger({ environment: 'test', logLevel: 'silent' });
  const context = createContext({ requestId: 'test', identity, logger });
  // Only graphql-js passes `info` to a resolver that does not name it.
  schema.getQueryType()!.getFields().a!.resolve = function (_source, _args, _context) {
    // biome-ignore lint/complexity/noArguments: the number of arguments says who calls
    executions.push(arguments[3] === undefined ? 'compiled' : 'graphql-js');
    return null;
  };

  /** How the field was executed, each time. */
  async function execute(operations: PreparedOperations, text: string, variables = {}, name: string | null = null) {
    executions.length = 0;
    await operations.prepare(text).select(name)!.execute(context, variables);
    return [...executions];
  }

  test('is compiled when it is executed for the fourth time', async () => {
    const { operations } = prepare(schema);
    for (let time = 0; time < 3; time++) expect(await execute(operations, '{ a }')).toEqual(['graphql-js']);
    expect(await execute(operations, '{ a }')).toEqual(['compiled']);
  });

  test('is compiled by the number of executions, not of look-ups', async () => {
    const { operations } = prepare(schema);
    for (let time = 0; time < 9; time++) operations.prepare('{ a }').select(null)!.costOf({});
    expect(await execute(operations, '{ a }')).toEqual(['graphql-js']);
  });

  test('is parsed and validated once, valid or not', () => {
    const { operations, validated } = prepare(schema);
    for (let time = 0; time < 3; time++) {
      expect(operations.prepare('{ a }').errors).toBeNull();
      expect(operations.prepare('{ b }').errors).toMatchObject([{ message: expect.stringContaining('"b"') }]);
      expect(operations.prepare('{ b').errors).toHaveLength(1);
    }
    expect(validated).toEqual(['{ a }', '{ b }', '{ b']);
  });

  test('is not evicted by texts with errors', () => {
    const { operations, validated } = prepare(schema, { maxTexts: 2 });
    operations.prepare('{ a }');
    for (let other = 0; other < 500; other++) operations.prepare(`{ other${other} }`);
    validated.length = 0;
    operations.prepare('{ a }');
    expect(validated).toEqual([]);
  });

  test('is forgotten, so that a stream of unique queries compiles none', async () => {
    const { operations } = prepare(schema, { maxTexts: 10 });
    for (let time = 0; time < 5; time++) {
      expect(await execute(operations, '{ a }')).toEqual(['graphql-js']);
      for (let other = 0; other < 10; other++) await execute(operations, `{ other${other}: a }`);
    }
  });

  test('is compiled apart from the others of its document', async () => {
    const { operations } = prepare(schema);
    const text = 'query A { a } query B { b: a }';
    for (let time = 0; time < 4; time++) await execute(operations, text, {}, 'A');
    expect(await execute(operations, text, {}, 'A')).toEqual(['compiled']);
    expect(await execute(operations, text, {}, 'B')).toEqual(['graphql-js']);
    expect(operations.prepare(text).select(null)).toBeNull();
    expect(operations.prepare(text).select('C')).toBeNull();
  });

  test('is not compiled if a result has a key that object literals cannot have', () => {
    const { operations } = prepare(schema);
    expect(operations.prepare('{ __proto__: a }').select(null)!.findCompiled({})).toBeNull();
  });

  test('is compiled whatever it asks for, but not what it asks about the schema', () => {
    const api = createSchema(features);
    const { operations } = prepare(api);
    for (const text of QUERIES) {
      expect([text, validate(api, parse(text))]).toEqual([text, []]);
      const operation = operations.prepare(text).select(null);
      if (!operation) continue;
      expect([text, operation.findCompiled(ALL_TRUE) !== null]).toEqual([text, !/__schema|__type\b/.test(text)]);
    }
  });

  test('is compiled for each combination of its conditions, up to a bound', async () => {
    const { operations } = prepare(schema);
    const names = ['p', 'q', 'r', 's', 't'];
    const text = `query (${names.map((name) => `$${name}: Boolean = true`)}) {
      ${names.map((name) => `${name}: a @include(if: $${name})`).join(' ')} x: a @skip(if: false) }`;
    const operation = operations.prepare(text).select(null)!;
    const without = { p: false, q: false };
    expect(await operation.findCompiled(without)!.execute(context, without)).toEqual({
      r: null,
      s: null,
      t: null,
      x: null,
    });
    const variants = Array.from({ length: 32 }, (_, bits) =>
      Object.fromEntries(names.map((name, index) => [name, (bits & (1 << index)) !== 0])),
    );
    expect(variants.filter((variables) => operation.findCompiled(variables) !== null)).toHaveLength(16);
  });

  test('with an error is executed again by graphql-js, which words it', async () => {
    const { operations } = prepare(schema);
    const text = 'query ($yes: Boolean!, $number: Int!) { a @include(if: $yes) b: a(number: $number) }';
    const operation = operations.prepare(text).select(null)!;
    for (let time = 0; time < 3; time++) await operation.execute(context, { yes: true, number: 1 });
    expect(await operation.execute(context, { yes: true, number: 1 })).toEqual({ data: { a: null, b: null } });
    expect(await operation.execute(context, { yes: true, number: 'many' })).toMatchObject({
      errors: [{ message: expect.stringContaining('"many"') }],
    });
    expect(await operation.execute(context, { yes: 'perhaps', number: 1 })).toMatchObject({
      errors: [{ message: expect.stringContaining('"perhaps"') }],
    });
  });

  test('costs what its variables say', () => {
    const { operations } = prepare(createSchema(features));
    const text = 'query ($first: Int = 7) { workstations(first: $first) { nodes { id name } } }';
    const { costOf } = operations.prepare(text).select(null)!;
    // The list, and for each row the row and its two fields, of which `nodes` itself is one.
    const [byDefault, three, again] = [costOf({}), costOf({ first: 3 }), costOf({})];
    expect(byDefault - three).toBe(4 * 2);
    expect(again).toBe(byDefault);
  });

  test('costs as much paging backward as forward', () => {
    const { operations } = prepare(createSchema(features));
    const costOf = (text: string) => operations.prepare(text).select(null)!.costOf;
    expect(costOf('{ workstations(last: 7) { nodes { id } } }')({})).toBe(2 + 7);
    expect(costOf('{ workstations(first: null, last: 7) { nodes { id } } }')({})).toBe(2 + 7);
    expect(costOf('{ workstations(first: null) { nodes { id } } }')({})).toBe(2 + 50);
    const byVariables = costOf('query ($a: Int, $b: Int) { workstations(first: $a, last: $b) { nodes { id } } }');
    const costs = [{ b: 3 }, { a: 4 }, { a: null, b: 5 }, { a: 4, b: null }, {}].map(byVariables);
    expect(costs).toEqual([3, 4, 5, 4, 50].map((rows) => 2 + rows));
  });

  test('costs no less for a size that is not allowed', () => {
    const { operations } = prepare(createSchema(features));
    const costOf = (text: string) => operations.prepare(text).select(null)!.costOf;
    expect(costOf('{ workstations(first: -1000000) { nodes { id } } }')({})).toBe(2);
    expect(costOf('query ($last: Int) { workstations(last: $last) { nodes { id } } }')({ last: -1e300 })).toBe(2);
  });

  test('costs as many nodes as it names ids', () => {
    const { operations } = prepare(createSchema(features));
    const costOf = (text: string) => operations.prepare(text).select(null)!.costOf;
    expect(costOf('{ nodes(ids: ["a", "b", "c"]) { id __typename } }')({})).toBe(1 + 3 * 2);
    const byVariable = costOf('query ($ids: [ID!]! = ["a", "b"]) { nodes(ids: $ids) { id __typename } }');
    expect([byVariable({}), byVariable({ ids: ['a', 'b', 'c', 'd'] }), byVariable({ ids: 'a' })]).toEqual([5, 9, 3]);
    expect(byVariable({ ids: Array.from({ length: 100_000 }, () => 'a') })).toBe(1 + 500 * 2);
  });
});
