import { config } from './codegen.ts';

export default {
  ...config,
  generates: { 'generated/persisted/': { preset: 'client', presetConfig: { persistedDocuments: true } } },
};
