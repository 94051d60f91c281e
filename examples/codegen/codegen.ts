import type { CodegenConfig } from '@graphql-codegen/cli';

export default {
  schema: '../../schema.graphql',
  documents: '*.ts',
  importExtension: '.ts',
  config: {
    // Without these, values of the schema's own scalars are of the type any; strictScalars refuses one that is not listed.
    scalars: {
      CIDR: 'string',
      // JSON has no times: the server sends texts, and JSON.stringify makes a text of a Date that is sent.
      DateTime: { input: 'Date | string', output: 'string' },
      EmailAddress: 'string',
      IP: 'string',
    },
    strictScalars: true,
    useTypeImports: true,
  },
  generates: {
    'generated/': {
      preset: 'client',
      // generated/persisted-documents.json may be the server's PERSISTED_QUERIES_FILE.
      presetConfig: { fragmentMasking: false, persistedDocuments: true },
    },
  },
} satisfies CodegenConfig;
