import { GraphQLError, graphql, locatedError, parse } from 'graphql';
import { pino } from 'pino';
import { AuthenticationError, AuthorizationError } from 'type-graphql';
import { PatternError } from '../../src/cache/index.ts';
import { ERROR_CODES, StationmasterError } from '../../src/errors.ts';
import { presentError, presentErrors } from '../../src/graphql/errors.ts';
import { HTTP_STATUS } from '../../src/http/refusal.ts';
import { createStub } from '../support/stub-schema.ts';

function createScope() {
  const log: { level: number; err?: { message: string; stack?: string } }[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => log.push(JSON.parse(line)) });
  return { log, logger, requestId: 'request-1' };
}

/** As graphql-js hands over what a resolver threw. */
function thrownByResolver(error: unknown): GraphQLError {
  return locatedError(error, undefined, ['workstation', 'name']);
}

function codeOf(error: unknown): unknown {
  return presentError(error, createScope()).extensions?.code;
}

describe('an error of ours', () => {
  test.each(ERROR_CODES.filter((code) => code !== 'INTERNAL_SERVER_ERROR'))('is sent with its code %s', (code) => {
    const error = thrownByResolver(new StationmasterError(code, 'No.'));
    expect(presentError(error, createScope())).toEqual({
      message: 'No.',
      path: ['workstation', 'name'],
      extensions: { code },
    });
  });

  test('names the field at fault', () => {
    const error = new StationmasterError('BAD_USER_INPUT', 'Not an address.', { field: 'input.ipAddress' });
    expect(presentError(thrownByResolver(error), createScope()).extensions).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'input.ipAddress',
    });
  });

  test('keeps its cause to itself', () => {
    const error = new StationmasterError('CONFLICT', 'Taken.', { cause: new Error('unique_violation in table x') });
    expect(JSON.stringify(presentError(error, createScope()))).not.toContain('table x');
  });

  test('is hidden when it is an internal one', () => {
    const error = new StationmasterError('INTERNAL_SERVER_ERROR', 'Table x is broken.');
    expect(presentError(error, createScope()).message).toBe('Internal server error');
  });
});

describe('an unknown error', () => {
  const error = thrownByResolver(new Error('password is hunter2'));

  test('is sent as nothing but a code and the request id', () => {
    expect(presentError(error, createScope())).toEqual({
      message: 'Internal server error',
      path: ['workstation', 'name'],
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'request-1' },
    });
  });

  test('is logged whole', () => {
    const scope = createScope();
    presentError(error, scope);
    expect(scope.log).toEqual([
      expect.objectContaining({
        level: 50,
        path: 'workstation.name',
        err: expect.objectContaining({ message: 'password is hunter2', stack: expect.stringContaining('errors.test') }),
      }),
    ]);
  });

  test('is logged once when it fails several fields', () => {
    const scope = createScope();
    const cause = new Error('the batch failed');
    const sent = presentErrors([thrownByResolver(cause), thrownByResolver(cause)], scope);
    expect(sent).toHaveLength(2);
    expect(scope.log).toHaveLength(1);
  });

  test.each(['a string', 42, null, undefined, { code: 'CONFLICT' }])(
    'may be anything that can be thrown: %p',
    (thrown) => {
      expect(codeOf(thrown)).toBe('INTERNAL_SERVER_ERROR');
      expect(codeOf(thrownByResolver(thrown))).toBe('INTERNAL_SERVER_ERROR');
    },
  );

  test('stays unknown under a code that is not in the closed list', () => {
    const foreign = new GraphQLError('secret', { extensions: { code: 'SOMETHING_ELSE' } });
    expect(presentError(foreign, createScope()).message).toBe('Internal server error');
  });
});

describe('an error of our libraries', () => {
  test.each([
    ['GRAPHQL_PARSE_FAILED', 'BAD_USER_INPUT'],
    ['GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT'],
    ['BAD_REQUEST', 'BAD_USER_INPUT'],
    ['OPERATION_RESOLUTION_FAILURE', 'BAD_USER_INPUT'],
    ['BAD_USER_INPUT', 'BAD_USER_INPUT'],
    ['PERSISTED_QUERY_NOT_FOUND', 'PERSISTED_QUERY_NOT_FOUND'],
    ['PERSISTED_QUERY_NOT_SUPPORTED', 'PERSISTED_QUERY_NOT_SUPPORTED'],
  ])('of Apollo with the code %s is sent as %s', (code, expected) => {
    const { message, extensions } = presentError(new GraphQLError('Why.', { extensions: { code } }), createScope());
    expect({ message, extensions }).toEqual({ message: 'Why.', extensions: { code: expected } });
  });

  test.each([
    ['AuthenticationError', 'UNAUTHENTICATED', new AuthenticationError()],
    ['AuthorizationError', 'FORBIDDEN', new AuthorizationError()],
    ['PatternError', 'BAD_USER_INPUT', new PatternError('The pattern is empty.')],
  ])('named %s is sent as %s', (_name, code, error) => {
    expect(codeOf(thrownByResolver(error))).toBe(code);
  });

  test('about a document is the client’s', () => {
    const { errors } = trySync(() => parse('{ hello'));
    expect(codeOf(errors)).toBe('BAD_USER_INPUT');
  });

  test('about a variable is the client’s', async () => {
    const { schema } = createStub();
    const source = 'query ($times: Int) { hello(times: $times) }';
    const { errors } = await graphql({ schema, source, variableValues: { times: 'many' } });
    const presented = presentError(errors![0], createScope());
    expect(presented.message).toMatch(/^Variable "\$times" got invalid value "many"/);
    expect(presented.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'times' });
  });

  test('about a field without a value is ours', async () => {
    const { errors } = await graphql({ schema: createStub().schema, source: '{ missing }' });
    expect(codeOf(errors![0])).toBe('INTERNAL_SERVER_ERROR');
  });
});

function trySync(run: () => unknown): { errors: unknown } {
  try {
    run();
  } catch (errors) {
    return { errors };
  }
  throw new Error('Nothing was thrown.');
}

describe('a database out of reach', () => {
  test('is sent as UNAVAILABLE, without the address, and logged', () => {
    const scope = createScope();
    const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' });
    expect(presentError(thrownByResolver(cause), scope)).toEqual({
      message: 'The database cannot be reached at the moment; try again.',
      path: ['workstation', 'name'],
      extensions: { code: 'UNAVAILABLE' },
    });
    expect(scope.log).toEqual([expect.objectContaining({ level: 40 })]);
    expect(scope.log[0]!.err!.message).toContain('10.0.0.7');
  });
});

test('every code has an HTTP status for requests that are refused', () => {
  expect(Object.keys(HTTP_STATUS).sort()).toEqual([...ERROR_CODES].sort());
  expect(Object.values(HTTP_STATUS).every((status) => status >= 400)).toBe(true);
});
