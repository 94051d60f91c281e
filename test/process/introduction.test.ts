import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedFolder, engine } from '../../src/testing/test-database.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

/* What a server says once it is ready. */

const onEmbedded = engine === 'pglite' ? describe : describe.skip;
const ROOT = join(import.meta.dirname, '../..');
const CONSOLE_LINE = /^ {2}Console .*$/m;

onEmbedded('a server that is ready', () => {
  let folder: string;
  let server: ServerProcess;

  /** A package of the server's build alone. */
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
    await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await mkdir(join(folder, '.data'));
    await createEmbeddedFolder(join(folder, '.data', 'pglite'));
  });

  afterEach(async () => {
    await server.destroy();
    await rm(folder, { recursive: true });
  });

  async function buildConsole() {
    await mkdir(join(folder, 'console', 'dist', 'assets'), { recursive: true });
    for (const name of ['index.html', 'graphiql.html']) await writeFile(join(folder, 'console', 'dist', name), '<p>');
  }

  async function introductionOf(env: Record<string, string> = {}) {
    server = startServer({ SHUTDOWN_DRAIN_SECONDS: '0', ...env }, [], 'pipe', folder);
    const url = await server.untilReady();
    server.child.kill('SIGTERM');
    await server.exited;
    return { url, output: server.output };
  }

  test('names the address of the console', async () => {
    await buildConsole();
    const { url, output } = await introductionOf();
    expect(CONSOLE_LINE.exec(output)?.[0]).toBe(`  Console     ${url}/ (open it in a browser)`);
  });

  test('says how to build the console when it has none', async () => {
    const { output } = await introductionOf();
    expect(CONSOLE_LINE.exec(output)?.[0]).toBe(
      '  Console     not built; after `npm run build` the next start serves it',
    );
  });

  test('does not mention the console when it is switched off', async () => {
    await buildConsole();
    expect((await introductionOf({ CONSOLE: 'off' })).output).not.toMatch(CONSOLE_LINE);
  });
});
