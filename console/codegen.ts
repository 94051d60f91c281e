import type { CodegenConfig } from '@graphql-codegen/cli';

/** Makes the types of the documents in `src`, in `src/graphql`. `npm run check:console` fails when they differ. */
export default {
  schema: '../schema.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/graphql/**'],
  generates: {
    'src/graphql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { CIDR: 'string', DateTime: 'string', EmailAddress: 'string', IP: 'string' },
      },
    },
  },
} satisfies CodegenConfig;
