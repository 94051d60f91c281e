import { createTransformer } from '@swc/jest';
import { SWC } from '../typescript.ts';

type Process = NonNullable<ReturnType<typeof createTransformer>['process']>;

const compile = createTransformer(SWC);

const IMPORT = 'await importTestFile(import.meta);';

/** Jest's way for TypeScript, but a test file in the environment with shared modules is imported by Node. */
export default {
  ...compile,
  process: (...[source, path, options]: Parameters<Process>) =>
    sharesModules(source, path, options.config.testEnvironment)
      ? { code: IMPORT }
      : compile.process!(source, path, options),
  getCacheKey: (...[source, path, options]: Parameters<Process>) =>
    `${compile.getCacheKey!(source, path, options)}${sharesModules(source, path, options.config.testEnvironment)}`,
};

function sharesModules(source: string, path: string, environment: string): boolean {
  if (!path.endsWith('.test.ts') || !environment.endsWith('/shared-modules/environment.mts')) return false;
  return !/^\s*\/\*\*(?:[^*]|\*(?!\/))*@jest-environment\b/.test(source);
}
