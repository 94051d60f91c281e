import { globSync, readFileSync } from 'node:fs';
import { findImports, findViolations, type ImportRule, type PackageRule } from './import-rules.ts';

const TOP = ['config.ts', 'errors.ts', 'start-error.ts'];
const FEATURES = ['features/*/index.ts', 'features/*.ts'];
const LOWER = ['graphql/**', 'auth/**', 'database/**', 'changes/**', 'cache/**'];

// main → app → features → graphql, auth, database, changes → cache
const RULES: readonly ImportRule[] = [
  { from: 'errors.ts', may: [] },
  { from: 'settings.ts', may: [] },
  { from: 'config.ts', may: ['settings.ts', 'errors.ts'] },
  { from: 'start-error.ts', may: ['config.ts'] },
  { from: 'main.ts', may: ['app.ts', 'workers.ts', 'running.ts', ...TOP] },
  { from: 'workers.ts', may: ['running.ts', ...TOP] },
  { from: 'running.ts', may: [], mayAsTypes: ['app.ts'] },
  { from: 'cli/**', may: ['app.ts', 'cli/**', ...FEATURES, ...LOWER, ...TOP] },
  { from: 'app.ts', may: [...FEATURES, ...LOWER, ...TOP] },

  { from: 'features/*/**', may: ['features/SLICE/**', 'features/*/index.ts', ...LOWER, ...TOP] },
  // Rows that refer to each other do so directly; through index.ts their modules would wait for each other.
  { from: 'features/*/*.entity.ts', may: ['features/*/*.entity.ts'] },
  // What is about all features together: the schema, the follower of the change feed, the warm-up.
  { from: 'features/*.ts', may: ['features/*/index.ts', ...LOWER, ...TOP] },
  // The list that is handed to the database, which knows no feature.
  { from: 'features/entities.ts', may: ['features/*/*.entity.ts'] },

  { from: 'graphql/**', may: ['graphql/**', 'auth/**', 'cache/**', ...TOP] },
  { from: 'auth/**', may: ['auth/**', 'cache/**', ...TOP], mayAsTypes: ['graphql/context.ts'] },
  { from: 'database/**', may: ['database/**', 'cache/**', ...TOP] },
  { from: 'changes/**', may: ['changes/**', 'cache/**', ...TOP] },

  // Nothing of this application: the cache could be published as a library tomorrow.
  { from: 'cache/**', may: ['cache/**'], packages: ['node:*', 'node:*/*', 'lru-cache', 'ioredis'] },
];

const PACKAGE_RULES: readonly PackageRule[] = [{ package: 'ioredis', onlyFrom: 'cache/**' }];

const MAX_LINES = 400;

const sourceFolder = new URL('../../src/', import.meta.url);
const sourceFiles = globSync('**/*.ts', { cwd: sourceFolder }).sort();

function readSource(file: string): string {
  return readFileSync(new URL(file, sourceFolder), 'utf8');
}

function violationsOf(file: string, source: string): string[] {
  return findViolations(file, source, RULES, PACKAGE_RULES);
}

describe('the source', () => {
  test('is found', () => {
    expect(sourceFiles).toEqual(expect.arrayContaining(['config.ts', 'errors.ts', 'graphql/context.ts']));
  });

  test('imports in one direction only', () => {
    expect(sourceFiles.flatMap((file) => violationsOf(file, readSource(file)))).toEqual([]);
  });

  test(`has no file of ${MAX_LINES} lines or more`, () => {
    const tooLong = sourceFiles
      .map((file) => ({ file, lines: readSource(file).trimEnd().split('\n').length }))
      .filter(({ lines }) => lines >= MAX_LINES);
    expect(tooLong).toEqual([]);
  });
});

describe('the import rules', () => {
  test.each([
    ['main.ts', "import { createApp } from './app.ts';"],
    ['cli/token.ts', "import { createApp } from '../app.ts';"],
    ['app.ts', "export { workstations } from './features/workstation/index.ts';"],
    ['app.ts', "const { ReadThroughCache } = await import('./cache/read-through.ts');"],
    ['features/manager/manager.resolver.ts', "import { ManagerService } from './manager.service.ts';"],
    ['features/manager/manager.resolver.ts', "import { findPage } from '../workstation/index.ts';"],
    ['features/manager/manager.entity.ts', "import { Workstation } from '../workstation/workstation.entity.ts';"],
    ['features/manager/manager.service.ts', "import { StationmasterError } from '../../errors.ts';"],
    ['features/entities.ts', "import { Manager } from './manager/manager.entity.ts';"],
    ['app.ts', "import { entities } from './features/entities.ts';"],
    ['auth/auth-checker.ts', "import type { Context } from '../graphql/context.ts';"],
    ['auth/auth-checker.ts', "import { type Context } from '../graphql/context.ts';"],
    ['cache/memory.store.ts', "import { LRUCache } from 'lru-cache';"],
    ['cache/memory.store.ts', "import { performance } from 'node:perf_hooks';"],
    ['changes/change-feed.ts', "import pg from 'pg';"],
    ['cache/clock.ts', "export const text = \"import '../app.ts'\"; // import '../app.ts'"],
  ])('let %s say: %s', (file, source) => {
    expect(violationsOf(file, source)).toEqual([]);
  });

  test.each([
    ['main.ts', "import { orm } from './database/orm.ts';", 'src/database/orm.ts'],
    [
      'app.ts',
      "import { Manager } from './features/manager/manager.entity.ts';",
      'src/features/manager/manager.entity.ts',
    ],
    ['config.ts', "import { hasRole } from './auth/identity.ts';", 'src/auth/identity.ts'],
    ['features/manager/manager.service.ts', "import '../../app.ts';", 'src/app.ts'],
    [
      'features/manager/manager.resolver.ts',
      "import { loader } from '../workstation/workstation.loader.ts';",
      'src/features/workstation/workstation.loader.ts',
    ],
    [
      'features/manager/manager.service.ts',
      "import { Workstation } from '../workstation/workstation.entity.ts';",
      'src/features/workstation/workstation.entity.ts',
    ],
    ['graphql/server.ts', "export * from '../features/manager/index.ts';", 'src/features/manager/index.ts'],
    ['auth/tokens.ts', "type Server = import('../graphql/server.ts').Server;", 'src/graphql/server.ts'],
    [
      'database/orm.ts',
      "import type { Manager } from '../features/manager/manager.entity.ts';",
      'src/features/manager/manager.entity.ts',
    ],
    ['changes/change-feed.ts', "const orm = await import('../database/orm.ts');", 'src/database/orm.ts'],
    ['cache/read-through.ts', "import type { Config } from '../config.ts';", 'src/config.ts'],
    ['cache/read-through.ts', "import '../../package.json';", 'src/../package.json'],
  ])('forbid %s to say: %s', (file, source, target) => {
    expect(violationsOf(file, source)).toEqual([
      expect.stringContaining(`src/${file} imports ${target}, but may import only `),
    ]);
  });

  test('name the file, the import and what would be allowed', () => {
    expect(violationsOf('changes/change-feed.ts', "import '../app.ts';")).toEqual([
      'src/changes/change-feed.ts imports src/app.ts, but may import only changes/**, cache/**, config.ts, errors.ts, start-error.ts',
    ]);
    expect(violationsOf('auth/auth-checker.ts', "import { createContext } from '../graphql/context.ts';")).toEqual([
      'src/auth/auth-checker.ts imports src/graphql/context.ts, which it may import only as a type',
    ]);
    expect(violationsOf('cache/memory.store.ts', "import pino from 'pino';")).toEqual([
      'src/cache/memory.store.ts imports pino, but may import no packages but node:*, node:*/*, lru-cache, ioredis',
    ]);
    expect(violationsOf('changes/change-feed.ts', "import { Redis } from 'ioredis';")).toEqual([
      'src/changes/change-feed.ts imports ioredis, which only cache/** may import',
    ]);
    expect(violationsOf('utils/strings.ts', '')).toEqual([
      'src/utils/strings.ts is in no folder that the import rules know',
    ]);
    expect(violationsOf('app.ts', 'await import(process.argv[2]!);')).toEqual([
      'src/app.ts imports a computed path, which no rule can check',
    ]);
  });

  test('see every way of importing, and no other text', () => {
    const source = `
      import a from './a.ts';
      import type { B } from './b.ts';
      import { type C, d } from './c.ts';
      import './d.ts';
      export { e } from './e.ts';
      export type { F } from './f.ts';
      export * from './g.ts';
      const local = 1;
      export { local };
      // import './no.ts';
      const text = \`import './no.ts'\`;
      class H { @Field() lazily = () => import('./h.ts'); }
      type I = import('./i.ts').I;
    `;
    expect(findImports(source)).toEqual([
      { specifier: './a.ts', isTypeOnly: false },
      { specifier: './b.ts', isTypeOnly: true },
      { specifier: './c.ts', isTypeOnly: false },
      { specifier: './d.ts', isTypeOnly: false },
      { specifier: './e.ts', isTypeOnly: false },
      { specifier: './f.ts', isTypeOnly: true },
      { specifier: './g.ts', isTypeOnly: false },
      { specifier: './h.ts', isTypeOnly: false },
      { specifier: './i.ts', isTypeOnly: true },
    ]);
  });
});
