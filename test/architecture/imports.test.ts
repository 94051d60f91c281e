import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const CONFIG = resolve('.dependency-cruiser.js');
const COMMAND = resolve('node_modules/.bin/depcruise');

/** A project whose imports, given as file → imported, are to be judged by the rules. Returns `rule: from → to`. */
async function judge(imports: [from: string, to: string][]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'imports-'));
  try {
    await symlink(resolve('package.json'), join(folder, 'package.json'));
    for (const [path, lines] of Object.entries(filesOf(imports))) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), lines.join('\n'));
    }
    return await runRules(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function filesOf(imports: [from: string, to: string][]): Record<string, string[]> {
  const files: Record<string, string[]> = {};
  for (const [from, to] of imports) {
    const isPackage = !to.startsWith('src/');
    const up = '../'.repeat(from.split('/').length - 1);
    files[from] = [...(files[from] ?? []), `import type {} from '${isPackage ? to : up + to}';`];
    if (!to.startsWith('node:')) files[isPackage ? `node_modules/${to}/index.js` : to] ??= ['export {};'];
  }
  return files;
}

function runRules(folder: string): Promise<string[]> {
  const args = [COMMAND, 'src', '--config', CONFIG, '--output-type', 'json'];
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd: folder }, (error, report) => {
      if (error && report === '') return fail(error);
      const violations: { rule: { name: string }; from: string; to: string }[] = JSON.parse(report).summary.violations;
      done(violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`));
    });
  });
}

describe('the import rules', () => {
  test('accept imports that run downwards', async () => {
    const imports: [string, string][] = [
      ['src/cache/index.ts', 'lru-cache'],
      ['src/cache/index.ts', 'node:events'],
      ['src/cache/redis/index.ts', 'ioredis'],
      ['src/operations/answer.ts', 'src/cache/index.ts'],
      ['src/operations/answer.ts', 'src/errors.ts'],
      ['src/features/room/room.resolver.ts', 'src/features/room/room.type.ts'],
      ['src/features/room/room.resolver.ts', 'src/features/manager/index.ts'],
      ['src/http/server.ts', 'src/operations/answer.ts'],
    ];
    expect(await judge(imports)).toEqual([]);
  });

  describe('refuse', () => {
    const forbidden: [what: string, rule: string, from: string, to: string][] = [
      ['HTTP in operations', 'operations-imports-downwards-only', 'src/operations/a.ts', 'src/http/a.ts'],
      ['WebSockets in operations', 'operations-imports-downwards-only', 'src/operations/b.ts', 'src/websocket/b.ts'],
      ['a feature in the database', 'database-imports-downwards-only', 'src/database/c.ts', 'src/features/c/index.ts'],
      ['a feature in a transport', 'transports-know-no-feature', 'src/http/d.ts', 'src/features/d/index.ts'],
      ["another feature's insides", 'features-meet-at-their-index', 'src/features/e/e.ts', 'src/features/f/f.ts'],
      ["the cache's insides", 'cache-is-entered-by-its-index', 'src/collections/g.ts', 'src/cache/entry.ts'],
      ['a package in the cache', 'cache-is-a-library', 'src/cache/h.ts', 'pino'],
      ['errors of the API in the cache', 'cache-is-a-library', 'src/cache/i.ts', 'src/errors.ts'],
      ['Redis outside of the second tier', 'redis-only-in-the-second-tier', 'src/app.ts', 'ioredis'],
      ['a development package', 'no-undeclared-package', 'src/http/j.ts', 'fast-check'],
      ['a folder without a layer', 'no-folder-without-a-layer', 'src/shared/k.ts', 'src/errors.ts'],
    ];
    const circle: [string, string][] = [
      ['src/auth/l.ts', 'src/auth/m.ts'],
      ['src/auth/m.ts', 'src/auth/l.ts'],
    ];
    let found: string[];

    beforeAll(async () => {
      found = await judge([...forbidden.map(([, , from, to]): [string, string] => [from, to]), ...circle]);
    });

    test.each(forbidden)('%s', (_, rule, from, to) => {
      const resolved = to.startsWith('src/') ? to : `node_modules/${to}/index.js`;
      expect(found).toContain(`${rule}: ${from} → ${resolved}`);
    });

    test('a circle, of types too', () => {
      expect(found.filter((violation) => violation.startsWith('no-circles: '))).toHaveLength(1);
    });
  });
});
