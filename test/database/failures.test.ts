import { findTransientFailure, isDatabaseUnavailable, isUndone } from '../../src/database/failures.ts';

function withCode(code: string, message = 'no'): Error {
  return Object.assign(new Error(message), { code });
}

describe('a database out of reach', () => {
  test.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', '57P01', '57P03', '57014', '08000', '08006', '53300'])(
    'is recognized by the code %s',
    (code) => expect(isDatabaseUnavailable(withCode(code))).toBe(true),
  );

  test.each([
    'timeout exceeded when trying to connect',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
  ])('is recognized by the message “%s”', (message) => expect(isDatabaseUnavailable(new Error(message))).toBe(true));

  test('is recognized under the layers around it', () => {
    const refused = withCode('ECONNREFUSED');
    expect(isDatabaseUnavailable(new Error('x', { cause: refused }))).toBe(true);
    expect(isDatabaseUnavailable(Object.assign(new Error('x'), { previous: refused }))).toBe(true);
    expect(isDatabaseUnavailable(new AggregateError([refused, refused], ''))).toBe(true);
  });

  test('is not what other errors mean', () => {
    const others = [withCode('23505'), withCode('0800'), new Error('no'), 'ECONNREFUSED', null, undefined];
    expect(others.filter((error) => isDatabaseUnavailable(error))).toEqual([]);
  });

  test('does not make the search for causes endless', () => {
    const error = new Error('x');
    error.cause = error;
    expect(isDatabaseUnavailable(error)).toBe(false);
  });
});

/* One code of each class that says that the same may succeed later, and those beside it that do not. */
test.each([
  [
    'unreachable',
    ['08001', '08003', '08006', '57000', '57P02', '57P04', '57P05', 'EPIPE', 'ENETDOWN', 'EADDRNOTAVAIL'],
  ],
  ['unable', ['25006', '25P03', '25P04', '53000', '53100', '53200', '53300', '53400', '55000', '58000', '58030']],
  ['contended', ['40001', '40003', '40P01', '55006', '55P03']],
  [null, ['25001', '25P02', '42501', '42P01', '55P02', '55P04', '22P05', 'XX000', 'XX001', 'ENOENT', 'EACCES']],
] as const)('a database that is %s says so by %j', (failure, codes) => {
  expect(codes.map((code) => findTransientFailure(withCode(code)))).toEqual(codes.map(() => failure));
});

test('the socket of a server that is not running is out of reach, unlike a file that is not there', () => {
  const error = withCode('ENOENT');
  expect(findTransientFailure(Object.assign(error, { syscall: 'connect' }))).toBe('unreachable');
  expect(findTransientFailure(Object.assign(error, { syscall: 'open' }))).toBeNull();
});

test('what a pooler refuses for good does not pass, unlike what it cannot do now', () => {
  const says = (message: string) => findTransientFailure(withCode('08P01', message));
  expect(says('unsupported startup parameter: geqo')).toBeNull();
  expect(says('no such database: fleet')).toBeNull();
  expect(says('query_wait_timeout')).toBe('unreachable');
  expect(says('server login has been failing, try again later (server_login_retry)')).toBe('unreachable');
});

test('only what PostgreSQL undid may be sent again at once', () => {
  expect(['40001', '40P01', '55P03'].every((code) => isUndone(withCode(code)))).toBe(true);
  const outdated = 'type of parameter 17 (bigint) does not match that when preparing the plan (integer)';
  expect(isUndone(Object.assign(new Error(outdated), { code: '42804' }))).toBe(true);
  // 40003: the connection was lost while it committed.
  expect(['40003', '57014', '08006', '53200', '23505'].some((code) => isUndone(withCode(code)))).toBe(false);
});
