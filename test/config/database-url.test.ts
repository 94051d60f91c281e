import { readDatabaseUrl } from '../../src/config/database-url.ts';

/* What the address of the database may say. How it is connected to is in test/database/connection.test.ts. */

const read = (rest: string) => readDatabaseUrl(`postgres://${rest}`);

test.each([
  ['user:p%40ss@db:5433/fleet', { user: 'user', password: 'p@ss', host: 'db', port: 5433, database: 'fleet' }],
  ['user@[2001:db8::1]:5433/fleet', { host: '2001:db8::1', port: 5433 }],
  ['user:x@/fleet?host=/run/postgresql', { user: 'user', host: '/run/postgresql', database: 'fleet' }],
  ['user@%2Frun%2Fpostgresql/fleet', { host: '/run/postgresql', database: 'fleet' }],
  ['/fleet?host=/run/postgresql&port=5433&user=u&password=p%26q', { port: 5433, user: 'u', password: 'p&q' }],
  ['user@db/?dbname=fleet', { host: 'db', database: 'fleet' }],
  ['user@db', { database: 'user', port: 5432, password: undefined }],
  ['user@db/fleet?hostaddr=192.0.2.7', { host: 'db', hostAddress: '192.0.2.7' }],
])('postgres://%s', (rest, expected) => {
  expect(read(rest)).toMatchObject(expected);
});

test.each([
  ['', 'allow'],
  ['?sslmode=disable', 'disable'],
  ['?sslmode=prefer', 'prefer'],
  ['?sslmode=require', 'require'],
  ['?sslmode=require&sslrootcert=/etc/roots.pem', 'verify-ca'],
  ['?sslmode=require&sslrootcert=system', 'verify-full'],
  ['?sslmode=verify-full', 'verify-full'],
  ['?ssl=true', 'require'],
  ['?ssl=0', 'disable'],
  ['?sslmode=no-verify', 'require'],
  ['?sslnegotiation=direct', 'require'],
])('the encryption of postgres://db/fleet%s is %s', (search, mode) => {
  expect(read(`user@db/fleet${search}`).tls.mode).toBe(mode);
});

test.each([
  ['-c%20search_path%3Da', { settings: { search_path: 'a' }, options: undefined }],
  ['-c+search_path=a,b+--work-mem=4MB', { settings: { search_path: 'a,b', work_mem: '4MB' }, options: undefined }],
  ['-csearch_path=a\\ b', { settings: { search_path: 'a b' }, options: undefined }],
  ['project%3Dblue', { settings: {}, options: 'project=blue' }],
  ['endpoint%3De1%20-c%20geqo%3Doff', { settings: { geqo: 'off' }, options: 'endpoint=e1' }],
])('settings among options=%s are made after connecting', (options, expected) => {
  expect(read(`user@db/fleet?options=${options}`)).toMatchObject(expected);
});

test('a schema is the one that unqualified names are looked up in, whatever it is called', () => {
  expect(read('user@db/fleet?schema=Fleet%20%22A%22').settings).toEqual({ search_path: '"Fleet ""A"""' });
});

test('what tunes something that this server does in its own way is taken', () => {
  expect(read('user@db/fleet?keepalives_count=3&tcp_user_timeout=1000&gssencmode=prefer')).toMatchObject({
    host: 'db',
  });
});

test.each([
  ['user@db/fleet?pgbouncer=true', 'has the parameter pgbouncer, which is not known'],
  ['user@db/fleet?connection_limit=5', 'has the parameter connection_limit, which is not known'],
  ['user@db/fleet?require_auth=scram-sha-256', 'has the parameter require_auth, which is not known'],
  // The rest of a password whose question mark is not percent-encoded.
  ['user:12?hunter=2@db/fleet', 'has a parameter that is not known'],
  ['user:12?hunter2@db/fleet', 'has a parameter that is not known'],
  ['user@db/fleet?sslmode=hunter2', /^has a sslmode other than disable, allow/],
  ['user@db/fleet?channel_binding=hunter2', 'has a channel_binding other than disable, prefer, require'],
  ['user@db/fleet?target_session_attrs=standby', 'has a target_session_attrs other than any, read-write, primary'],
  ['user@db/fleet?gssencmode=require', 'has a gssencmode other than disable, prefer'],
  ['user@db/fleet?client_encoding=LATIN1', 'has a client_encoding other than UTF8'],
  ['user@db/fleet?connect_timeout=soon', 'has a connect_timeout that is no number of seconds'],
  ['user@db/fleet?sslnegotiation=direct&sslmode=prefer', /^has sslnegotiation=direct, which needs/],
  ['user@one,two/fleet', 'names more than one host'],
  ['user@one:5432,two:5432/fleet', 'names more than one host'],
  ['user@/fleet?host=one,two', 'names more than one host'],
  ['user@db:0/fleet', 'has a port that is not from 1 to 65535'],
  ['user@db:65536/fleet', 'has a port that is not from 1 to 65535'],
  ['user@db:port/fleet', 'is a postgres:// URL that cannot be read'],
  ['us%er@db/fleet', 'is a postgres:// URL that cannot be read'],
  ['user:hun ter2@db/fleet', 'is a postgres:// URL that cannot be read'],
])('postgres://%s is refused in words that repeat no secret', (rest, message) => {
  expect(() => read(rest)).toThrow(typeof message === 'string' ? new RegExp(`^${message}$`) : message);
});
