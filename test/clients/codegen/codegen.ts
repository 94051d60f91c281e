import type { CodegenConfig } from '@graphql-codegen/cli';

export const config: CodegenConfig = {
  schema: '../../../schema.graphql',
  documents: 'src/**/*.ts',
  importExtension: '.ts',
  config: {
    scalars: { CIDR: 'string', DateTime: 'string', EmailAddress: 'string', IP: 'string' },
    strictScalars: true,
    useTypeImports: true,
  },
  generates: {
    'generated/plain/': {
      preset: 'client',
      presetConfig: { fragmentMasking: { unmaskFunctionName: 'getFragmentData' } },
    },
  },
};

export default config;
