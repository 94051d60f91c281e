import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';
import { buildOnce, listFiles } from './build-once.ts';

/*
 * Puts the compiled program and its packages together in `dist/server`: Node starts few files much faster than the two
 * thousand that they come from. What a setting turns on stays apart, and is loaded with that setting.
 */

const DIST = join(import.meta.dirname, '..', 'dist');
const OWN = join(DIST, 'src');

/** Loaded from their own files: with a setting only, or because they look for files beside their own. */
const APART = [/^@electric-sql\/pglite/, /^@opentelemetry\/(?!api)/, 'ioredis', 'pino-pretty'];

/** What the packages would load for a use that the program does not have. */
const UNUSED = [
  'pg-native',
  'class-validator',
  'mikro-orm',
  /^@mikro-orm\/(reflection|seeder|entity-generator|mariadb|mysql|sqlite)/,
];

const compiled = (await listFiles(OWN)).filter((path) => path.endsWith('.js'));

await buildOnce({
  folder: join(DIST, 'server'),
  inputs: [import.meta.filename, ...compiled],
  async build(draft) {
    const { rolldown } = await import('rolldown');
    const bundle = await rolldown({
      input: join(OWN, 'main.js'),
      platform: 'node',
      external: [...APART, ...UNUSED],
      plugins: [mapToSources()],
      logLevel: 'warn',
    });
    await bundle.write({
      dir: draft,
      format: 'esm',
      // MikroORM and TypeGraphQL read the names of classes.
      keepNames: true,
      sourcemap: true,
      // What is loaded later must not be loaded earlier than it was.
      codeSplitting: { groups: [{ name: 'packages', test: /[\\/]node_modules[\\/]/, entriesAware: true }] },
    });
    await bundle.close();
  },
});

/**
 * Stack traces name the lines of `src`, as those of the compiled files do. Files of packages have no map: Node reads a map
 * together with its file, and theirs would take longer than all the rest.
 */
function mapToSources(): Plugin {
  return {
    name: 'map-to-sources',
    async load(id) {
      if (!isOwn(id)) return null;
      const [code, map] = await Promise.all([readFile(id, 'utf8'), readFile(`${id}.map`, 'utf8')]);
      return { code, map };
    },
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        if (file.type !== 'chunk' || file.moduleIds.some(isOwn)) continue;
        delete files[`${file.fileName}.map`];
        file.code = file.code.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n');
      }
    },
  };
}

function isOwn(id: string): boolean {
  return id.startsWith(OWN);
}
