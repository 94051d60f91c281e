import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOrCreateDevelopmentSecret } from '../../src/auth/development-secret.ts';
import { createTokenVerifier } from '../../src/auth/tokens.ts';
import { parseDurationSeconds, runTokenCommand } from '../../src/cli/token.ts';

const SECRET = 'a-secret-that-is-long-enough-to-sign-with';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'stationmaster-'));
});

afterEach(() => rm(dataDir, { recursive: true }));

test('prints a token that the server accepts, and nothing else', async () => {
  const env = { NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET, AUTH_ISSUER: 'me', AUTH_AUDIENCE: 'us' };
  const args = ['--role', 'admin', '--role', 'AGENT', '--role', 'monitor', '--expires', '30d', '--subject', 'ada'];
  const result = await runTokenCommand(args, env);
  expect(result).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/), stderr: '' });

  const verify = createTokenVerifier({ secret: SECRET, jwksUrl: undefined, issuer: 'me', audience: 'us' });
  expect(await verify(result.stdout.trim())).toMatchObject({ subject: 'ada', roles: ['ADMIN', 'AGENT', 'MONITOR'] });
});

test('signs with the development secret, for an hour, with the subject cli', async () => {
  const { stdout } = await runTokenCommand(['--role', 'VIEWER'], { DATA_DIR: dataDir });
  const secret = await readOrCreateDevelopmentSecret(dataDir);
  const verify = createTokenVerifier({ secret, jwksUrl: undefined, issuer: undefined, audience: undefined });
  const identity = await verify(stdout.trim());
  expect(identity).toMatchObject({ subject: 'cli', roles: ['VIEWER'] });
  const { iat } = JSON.parse(Buffer.from(stdout.split('.')[1]!, 'base64url').toString());
  expect(identity.expiresAtMs).toBe((iat + 3600) * 1000);
});

test.each([
  [[], '--role is missing.'],
  [['--role', 'GOD'], '--role must be one of VIEWER, OPERATOR, ADMIN, AGENT, MONITOR, but is "GOD".'],
  [
    ['--role', 'ADMIN', '--expires', 'soon'],
    '--expires must be like 90s, 15m, 1h or 30d, at most 3650d, but is "soon".',
  ],
  [['--role', 'ADMIN', '--forever'], "Unknown option '--forever'"],
  [['ADMIN'], "Unexpected argument 'ADMIN'"],
])('explains what is wrong with %j and exits with 64', async (args, message) => {
  const { exitCode, stdout, stderr } = await runTokenCommand(args, { DATA_DIR: dataDir });
  expect([exitCode, stdout]).toEqual([64, '']);
  expect(stderr.slice(0, message.length)).toBe(message);
  expect(stderr).toContain('Usage: ');
  expect(await readdir(dataDir)).toEqual([]);
});

test('prints its usage on request, with any configuration', async () => {
  const result = await runTokenCommand(['--help'], { PORT: 'x' });
  expect(result).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^Usage: /), stderr: '' });
});

test('lists the problems of the configuration and exits with 78', async () => {
  const result = await runTokenCommand(['--role', 'ADMIN'], { PORT: 'x', NODE_ENV: 'production' });
  expect(result).toEqual({
    exitCode: 78,
    stdout: '',
    stderr: `The configuration has 2 problems:
  - PORT must be a whole number from 0 to 65535, but is "x".
  - One of AUTH_JWT_SECRET and AUTH_JWKS_URL must be set in production, but neither is.
`,
  });
});

test('does not sign if tokens come from another issuer', async () => {
  const env = { AUTH_JWKS_URL: 'https://issuer.example.com/keys', AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'us' };
  const { exitCode, stdout, stderr } = await runTokenCommand(['--role', 'ADMIN'], { ...env, DATA_DIR: dataDir });
  expect([exitCode, stdout]).toEqual([78, '']);
  expect(stderr).toContain('Tokens are issued elsewhere (AUTH_JWKS_URL is set), so none can be signed here.');
  expect(await readdir(dataDir)).toEqual([]);
});

test.each([
  ['1s', 1],
  ['90s', 90],
  ['15m', 900],
  ['1h', 3600],
  ['30d', 2_592_000],
  ['3650d', 315_360_000],
])('reads the duration %s', (text, seconds) => {
  expect(parseDurationSeconds(text)).toBe(seconds);
});

test.each(['', '0s', '1', 's', '1.5h', '-1h', '1 h', '1H', '1h30m', '1w', '3651d', '999999999d', '9999999999s'])(
  'does not take %j for a duration',
  (text) => {
    expect(parseDurationSeconds(text)).toBeNull();
  },
);
