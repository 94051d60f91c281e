// Which file may import which: `npm run check:imports`. docs/architecture.md draws the same picture.

/** The folders and files of `src`, lowest first. A layer imports itself and the layers before it. */
const LAYERS = [
  ['errors.ts', 'retry.ts', 'text.ts'],
  ['config/'],
  ['process/'],
  ['cache/'],
  ['timers.ts'],
  ['database/'],
  ['changes/'],
  ['collections/'],
  ['audit/'],
  ['auth/'],
  ['observability/'],
  ['graphql/'],
  ['operations/'],
  ['features/'],
  ['websocket/'],
  ['http/'],
  ['app.ts'],
  ['serve.ts'],
  ['main.ts', 'cli/', 'testing/'],
];

const pathsOf = (layers) => `^src/(${layers.flat().join('|').replaceAll('.', '\\.')})`;

const downwardsOnly = LAYERS.slice(0, -1).map((layer, level) => ({
  name: `${layer.join('-').replaceAll('/', '')}-imports-downwards-only`,
  severity: 'error',
  from: { path: pathsOf([layer]) },
  to: { path: '^src/', pathNot: pathsOf(LAYERS.slice(0, level + 1)) },
}));

export default {
  forbidden: [
    ...downwardsOnly,
    {
      name: 'no-folder-without-a-layer',
      comment: 'Give a new folder of src a place in LAYERS.',
      severity: 'error',
      from: { path: '^src/', pathNot: pathsOf(LAYERS) },
      to: {},
    },
    {
      name: 'no-circles',
      comment: 'Imports of types count too: a circle of types is a circle for the reader.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'features-meet-at-their-index',
      severity: 'error',
      from: { path: '^src/features/([^/]+)/' },
      to: { path: '^src/features/[^/]+/', pathNot: ['^src/features/$1/', '^src/features/[^/]+/index\\.ts$'] },
    },
    {
      name: 'transports-know-no-feature',
      comment: 'src/app.ts hands the features to the transports.',
      severity: 'error',
      from: { path: '^src/(http|websocket)/' },
      to: { path: '^src/features/' },
    },
    {
      name: 'cache-is-a-library',
      severity: 'error',
      from: { path: '^src/cache/', pathNot: '^src/cache/redis/' },
      to: { pathNot: ['^src/cache/(?!redis/)', '^node_modules/lru-cache/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'cache-is-entered-by-its-index',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cache/' },
      to: { path: '^src/cache/', pathNot: '^src/cache/(redis/)?index\\.ts$' },
    },
    {
      name: 'redis-only-in-the-second-tier',
      severity: 'error',
      from: { pathNot: '^src/cache/redis/' },
      to: { path: '^node_modules/ioredis/' },
    },
    {
      name: 'no-undeclared-package',
      comment:
        'src may import Node and the dependencies of package.json. The development dependencies are not shipped.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    // TypeScript 7 has no interface that a tool could parse with; swc reads the same syntax.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'default'], exportsFields: ['exports'] },
  },
};
