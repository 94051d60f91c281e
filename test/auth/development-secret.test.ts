import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOrCreateDevelopmentSecret, resolveAuth } from '../../src/auth/development-secret.ts';
import { loadConfig } from '../../src/config/config.ts';

let root: string;
let dataDir: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stationmaster-'));
  dataDir = join(root, 'not', 'there', 'yet');
});

afterEach(() => rm(root, { recursive: true }));

test('creates 32 random bytes once and keeps them', async () => {
  const secret = await readOrCreateDevelopmentSecret(dataDir);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  expect(await readOrCreateDevelopmentSecret(dataDir)).toBe(secret);
  expect(await readFile(join(dataDir, 'jwt-secret'), 'utf8')).toBe(`${secret}\n`);
});

test('creates another secret for another folder', async () => {
  const secret = await readOrCreateDevelopmentSecret(dataDir);
  expect(await readOrCreateDevelopmentSecret(join(root, 'elsewhere'))).not.toBe(secret);
});

test('lets only the owner read it, and leaves no other file behind', async () => {
  await readOrCreateDevelopmentSecret(dataDir);
  expect((await stat(join(dataDir, 'jwt-secret'))).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(['jwt-secret']);
});

test('callers that all find no secret get the same one', async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => readOrCreateDevelopmentSecret(dataDir)));
  expect(new Set(secrets).size).toBe(1);
  expect(await readdir(dataDir)).toEqual(['jwt-secret']);
});

test('refuses a file that is too short for a secret', async () => {
  const path = join(root, 'jwt-secret');
  await writeFile(path, 'short\n');
  await expect(readOrCreateDevelopmentSecret(root)).rejects.toThrow(
    `${path} must hold at least 32 bytes, but does not. Delete it, and a new secret will be made.`,
  );
});

test('accepts 32 bytes that another program wrote', async () => {
  await writeFile(join(root, 'jwt-secret'), 'x'.repeat(32));
  expect(await readOrCreateDevelopmentSecret(root)).toBe('x'.repeat(32));
});

test('writes nothing if there is a secret already', async () => {
  await readOrCreateDevelopmentSecret(dataDir);
  const lastWeek = new Date('2029-12-25T00:00:00Z');
  await utimes(dataDir, lastWeek, lastWeek);
  await readOrCreateDevelopmentSecret(dataDir);
  expect((await stat(dataDir)).mtime).toEqual(lastWeek);
});

test('reports why a secret cannot be read, and does not create another', async () => {
  await mkdir(join(root, 'jwt-secret'));
  await expect(readOrCreateDevelopmentSecret(root)).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(root)).toEqual(['jwt-secret']);
});

describe('resolving how tokens are verified', () => {
  test('uses the development secret if nothing is configured', async () => {
    const config = loadConfig({ DATA_DIR: dataDir, AUTH_AUDIENCE: 'us' });
    const secret = await readOrCreateDevelopmentSecret(dataDir);
    expect(await resolveAuth(config)).toEqual({ ...config.auth, secret });
  });

  test.each([
    { AUTH_JWT_SECRET: 'a-secret-that-is-long-enough-to-sign-with' },
    { AUTH_JWKS_URL: 'https://issuer.example.com/keys', AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'us' },
  ])('makes no secret where one is not needed: %j', async (env) => {
    const config = loadConfig({ DATA_DIR: dataDir, ...env });
    expect(await resolveAuth(config)).toBe(config.auth);
    expect(await readdir(root)).toEqual([]);
  });
});
