import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, ConfigError } from '../config/config.ts';

/**
 * Returns how tokens are verified: as configured or, where neither a secret nor a JWKS is (which `loadConfig` refuses in
 * production), with the development secret of `config.dataDir`.
 */
export async function resolveAuth(config: Config): Promise<Config['auth']> {
  const { auth, dataDir } = config;
  if (auth.secret !== undefined || auth.jwksUrl !== undefined) return auth;
  return Object.freeze({ ...auth, secret: await readOrCreateDevelopmentSecret(dataDir) });
}

/**
 * Returns the secret kept in `<dataDir>/jwt-secret`: 32 random bytes in base64url, readable by their owner only. The
 * first caller makes it; callers in any number of processes at once agree on one.
 *
 * @throws {ConfigError} when the file holds something shorter than a secret
 */
export async function readOrCreateDevelopmentSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'jwt-secret');
  const existing = await findSecret(path);
  if (existing !== null) return existing;

  await mkdir(dataDir, { recursive: true });
  await createSecret(path);
  const created = await findSecret(path);
  if (created === null) throw new Error(`${path} disappeared while it was being made.`);
  return created;
}

async function findSecret(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(nullIf('ENOENT'));
  if (text === null) return null;
  const secret = text.trim();
  if (Buffer.byteLength(secret) < 32) {
    const problem = `${path} must hold at least 32 bytes, but does not. Delete it, and a new secret will be made.`;
    throw new ConfigError([problem]);
  }
  return secret;
}

// Written aside and then linked: the name appears with its content or not at all, so that nobody reads half a secret,
// and linking fails where another process was first, whose secret then counts.
async function createSecret(path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
    await link(draft, path).catch(nullIf('EEXIST'));
  } finally {
    await rm(draft, { force: true });
  }
}

function nullIf(code: string): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (error.code !== code) throw error;
    return null;
  };
}
