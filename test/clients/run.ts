import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../support/server-process.ts';

/*
 * Runs the tests of this folder, each file in a process of its own, against one server on an embedded database. Arguments
 * that begin with -- are options of node --test; others are parts of the names of the files to run.
 */

const folder = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const AUTH_JWT_SECRET = 'a secret for the tests of clients, of more than 32 bytes';

async function run(args: readonly string[]): Promise<number> {
  const options = args.filter((argument) => argument.startsWith('--'));
  const names = args.filter((argument) => !argument.startsWith('--'));
  const files = (await readdir(folder)).filter(
    (file) => file.endsWith('.test.ts') && (names.length === 0 || names.some((name) => file.includes(name))),
  );
  for (const packages of [folder, join(root, 'examples')]) install(packages);
  const data = await mkdtemp(join(tmpdir(), 'stationmaster-clients-'));
  const server = startServer({
    AUTH_JWT_SECRET,
    ANONYMOUS_ROLE: 'VIEWER',
    CORS_ORIGINS: 'http://localhost:5173',
    DATA_DIR: data,
  });
  try {
    const env = {
      ...process.env,
      STATIONMASTER_URL: `${await server.untilReady()}/graphql`,
      STATIONMASTER_TOKEN: signToken('OPERATOR'),
      STATIONMASTER_ADMIN_TOKEN: signToken('ADMIN'),
    };
    const tests = [
      '--test',
      '--test-concurrency=2',
      '--test-timeout=120000',
      '--test-force-exit',
      ...options,
      ...files,
    ];
    const [code] = await once(spawn(process.execPath, tests, { cwd: folder, env, stdio: 'inherit' }), 'close');
    return code ?? 1;
  } finally {
    await server.destroy();
    await rm(data, { recursive: true });
  }
}

/** The clients and the examples have packages of their own, which only these tests need. */
function install(packages: string): void {
  if (existsSync(join(packages, 'node_modules/.package-lock.json'))) return;
  console.log(`npm ci --prefix ${packages}: this takes a minute, once.`);
  execFileSync('npm', ['ci', '--prefix', packages, '--no-audit', '--no-fund'], { stdio: 'inherit' });
}

function signToken(role: string): string {
  const env = { ...process.env, AUTH_JWT_SECRET };
  return execFileSync(process.execPath, ['dist/src/cli/token.js', '--role', role], {
    cwd: root,
    env,
    encoding: 'utf8',
  }).trim();
}

process.exitCode = await run(process.argv.slice(2));
