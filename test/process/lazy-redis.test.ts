import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedFolder, engine } from '../../src/testing/test-database.ts';
import { startServer } from '../support/server-process.ts';

/** Prints the path of each module of the second cache tier, and of its client, when Node loads it. */
const REPORT_LOADS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      if (/\\/(ioredis\\/|redis-)/.test(url)) console.log('loads ' + url);
      return next(url, context);
    },
  });
`)}`;

const onEmbedded = engine === 'pglite' ? describe : describe.skip;

onEmbedded('the code of the second cache tier', () => {
  const start = (env: Record<string, string>) => startServer(env, ['--import', REPORT_LOADS]);

  test('is not loaded without REDIS_URL', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
    await createEmbeddedFolder(join(folder, 'pglite'));
    const server = start({ DATA_DIR: folder });
    await server.untilReady();
    expect(server.output).not.toContain('loads ');
    await server.destroy();
    await rm(folder, { recursive: true });
  });

  test('is loaded with REDIS_URL', async () => {
    const server = start({ REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://127.0.0.1:1/none' });
    await server.untilPrinted(/loads \S*\/redis-\S+\.js/);
    await server.untilPrinted(/loads \S*\/ioredis\//);
    await server.destroy();
  });
});
