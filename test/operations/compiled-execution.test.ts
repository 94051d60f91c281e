import fc from 'fast-check';
import {
  buildSchema,
  type DocumentNode,
  type GraphQLInputType,
  getNamedType,
  isListType,
  type OperationDefinitionNode,
  parse,
  typeFromAST,
} from 'graphql';
import { features } from '../../src/features/index.ts';
import { createContext } from '../../src/graphql/context.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { type CompilerOptions, QueryCompiler } from '../../src/operations/compiled-execution.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { type FoundQuery, findQueries } from './operations-of-the-tests.ts';
import { randomQuery } from './random-queries.ts';

/** Three times a query is executed as it is, then it is compiled. */
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
  function variablesFor({ operation }: FoundQuery): Record<string, unknown> {
    const schema = createSchema(features);
    const given = (operation.variableDefinitions ?? []).map(({ type, variable }) => {
      const inputType = typeFromAST(schema, type as never) as GraphQLInputType;
      const value = VALUES[getNamedType(inputType).name]?.(ids) ?? {};
      return [variable.name.value, isListType(inputType) ? [value] : value] as const;
    });
    return Object.fromEntries(given);
  }

  test('for every query of the tests', async () => {
    const queries = findQueries(createSchema(features)).filter(({ text }) => !CHANGING.test(text));
    expect(queries.length).toBeGreaterThan(50);
    for (const found of queries) {
      const { variableDefinitions = [] } = found.operation;
      for (const variables of variableDefinitions.length > 0 ? [undefined, variablesFor(found)] : [undefined]) {
        const answers = await answersTo(found.text, variables);
        expect([...answers]).toHaveLength(1);
      }
    }
    // As many requests as the tests have queries.
  }, 120_000);

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

describe('A query is compiled', () => {
  const schema = buildSchema('type Query { a(number: Int): Int }');
  const identity = { subject: 'test', roles: [], isAnonymous: true, expiresAtMs: null };
  const logger = createLogger({ environment: 'test', logLevel: 'silent' });
  const context = createContext({ requestId: 'test', identity, logger });

  /** What the compiler finds, each time that a query comes. */
  function createComing(options?: CompilerOptions) {
    const compiler = new QueryCompiler(schema, options);
    return (document: DocumentNode, variables = {}, index = 0) =>
      compiler.find(document, document.definitions[index] as OperationDefinitionNode, variables);
  }

  test('when it comes for the fourth time', async () => {
    const come = createComing();
    const document = parse('{ a __typename }');
    expect([come(document), come(document), come(document)]).toEqual([null, null, null]);
    expect(await come(document)!(context, {})).toEqual({ data: { a: null, __typename: 'Query' } });
  });

  test('whatever it asks for, but not what it asks about the schema', () => {
    const api = createSchema(features);
    for (const { text } of findQueries(api)) {
      const document = parse(text);
      const compiler = new QueryCompiler(api);
      // Whatever its conditions are.
      const find = () => compiler.find(document, document.definitions[0] as OperationDefinitionNode, ALL_TRUE);
      for (let time = 0; time < 3; time++) find();
      expect([text, find() !== null]).toEqual([text, !/__schema|__type\b/.test(text)]);
    }
  });

  test('each operation of a document by itself', async () => {
    const come = createComing();
    const document = parse('query A { a } query B { b: a }');
    for (let time = 0; time < 4; time++) come(document);
    expect(come(document, {}, 1)).toBeNull();
    expect(await come(document)!(context, {})).toEqual({ data: { a: null } });
  });

  test('not while others crowd it out, so that a stream of unique ones costs nothing', () => {
    const come = createComing({ maxQueries: 10 });
    const document = parse('{ a }');
    for (let time = 0; time < 5; time++) {
      expect(come(document)).toBeNull();
      for (let other = 0; other < 10; other++) come(parse(`{ other${other}: a }`));
    }
  });

  test('not if a result has a key that object literals cannot have', () => {
    const come = createComing();
    const document = parse('{ __proto__: a }');
    for (let time = 0; time < 9; time++) expect(come(document)).toBeNull();
  });

  test('for each way in which its conditions are settled, up to a bound', async () => {
    const come = createComing();
    const names = ['p', 'q', 'r', 's', 't'];
    const document = parse(`query (${names.map((name) => `$${name}: Boolean = true`)}) {
      ${names.map((name) => `${name}: a @include(if: $${name})`).join(' ')} x: a @skip(if: false) }`);
    for (let time = 0; time < 3; time++) come(document);
    expect(await come(document, { p: false, q: false })!(context, { p: false, q: false })).toEqual({
      data: { r: null, s: null, t: null, x: null },
    });
    const variants = Array.from({ length: 32 }, (_, bits) =>
      Object.fromEntries(names.map((name, index) => [name, (bits & (1 << index)) !== 0])),
    );
    expect(variants.filter((variables) => come(document, variables) !== null)).toHaveLength(16);
  });

  test('and what has an error is left to graphql-js', async () => {
    const come = createComing();
    const document = parse('query ($yes: Boolean!, $number: Int!) { a @include(if: $yes) b: a(number: $number) }');
    for (let time = 0; time < 3; time++) come(document);
    const variables = { yes: true, number: 1 };
    expect(await come(document, variables)!(context, variables)).toEqual({ data: { a: null, b: null } });
    expect(await come(document, variables)!(context, { yes: true, number: 'many' })).toBeNull();
    expect(come(document, { yes: 'perhaps', number: 1 })).toBeNull();
  });
});
