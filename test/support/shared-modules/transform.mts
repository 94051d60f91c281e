import { fileURLToPath } from 'node:url';
import { createTransformer } from '@swc/jest';
import { extract, parse } from 'jest-docblock';
import { SWC } from '../typescript.ts';

const compile = createTransformer(SWC) as Required<ReturnType<typeof createTransformer>>;

type File = [source: string, path: string, options: Parameters<typeof compile.process>[2]];

const ENVIRONMENT = fileURLToPath(new URL('environment.mts', import.meta.url));
const IMPORT = 'await importTestFile(import.meta);';

/** Jest's way for TypeScript, but a test file in the environment with shared modules is imported by Node. */
export default {
  process: (...file: File) => (sharesModules(...file) ? { code: IMPORT } : compile.process(...file)),
  getCacheKey: (...file: File) => `${compile.getCacheKey(...file)}${sharesModules(...file) ? IMPORT : ''}`,
};

function sharesModules(...[source, path, { config }]: File): boolean {
  const environment = parse(extract(source))['jest-environment'] ?? config.testEnvironment;
  return path.endsWith('.test.ts') && environment === ENVIRONMENT;
}
