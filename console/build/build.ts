import { join } from 'node:path';
import { buildOnce, listFiles } from '../../build/build-once.ts';
import { compressFiles } from './compress.ts';

/* Builds the console into `dist`. Vite is loaded only when something of the console has changed. */

const CONSOLE = join(import.meta.dirname, '..');

await buildOnce({
  folder: join(CONSOLE, 'dist'),
  inputs: await listFiles(CONSOLE),
  async build(draft) {
    // Vite takes the one it finds: under a test, React and Apollo Client would be built for development.
    process.env.NODE_ENV = 'production';
    const { build } = await import('vite');
    await build({ configFile: join(CONSOLE, 'vite.config.ts'), logLevel: 'warn', build: { outDir: draft } });
    await compressFiles(draft);
  },
});
