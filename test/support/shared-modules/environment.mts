import { registerHooks } from 'node:module';
import { ModernFakeTimers } from '@jest/fake-timers';
import { TestEnvironment } from 'jest-environment-node';
import '../typescript.ts';

/*
 * Jest loads every module anew for each test file, which here took as long as all tests together: the application is large
 * beside what one file asks of it, and what was loaded anew has yet to be compiled. So test files are imported by Node
 * itself, as is what they import, once for each worker. Jest's own part of a test file stays in a context of its own.
 *
 * Files therefore share what modules keep, and globals. One that cannot, or that mocks modules, has Jest's way back with
 * `@jest-environment node` in its first comment.
 */

/** What a test file finds without an import, or imports from `@jest/globals`. */
const GLOBALS = ['afterAll', 'afterEach', 'beforeAll', 'beforeEach', 'describe', 'expect', 'it', 'test'];

/** So that matchers take what the tests made for what it is: `expect.any(Array)`, `instanceof Error`. */
const BUILT_IN = Object.entries(Object.getOwnPropertyDescriptors(globalThis))
  .filter(([name, { value }]) => /^[A-Z]/.test(name) && typeof value === 'function')
  .map(([name]) => name);

const GLOBALS_SOURCE = `export const { jest, ${GLOBALS.join(', ')} } = globalThis;`;

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== '@jest/globals') return nextResolve(specifier, context);
    // `jest` is another one in each test file.
    return { url: `jest-globals:${context.parentURL}`, format: 'module', shortCircuit: true };
  },
  load(url, context, nextLoad) {
    if (!url.startsWith('jest-globals:')) return nextLoad(url, context);
    return { format: 'module', source: GLOBALS_SOURCE, shortCircuit: true };
  },
});

export default class SharedModulesEnvironment extends TestEnvironment {
  constructor(...[config, context]: ConstructorParameters<typeof TestEnvironment>) {
    super(config, context);
    this.fakeTimersModern = new ModernFakeTimers({ config: config.projectConfig, global: globalThis });
    const inContext: Record<string, any> = this.global;
    const inProcess: Record<string, any> = globalThis;
    for (const name of BUILT_IN) inContext[name] = inProcess[name];
    inContext.importTestFile = async ({ url, jest }: ImportMeta & { jest: unknown }) => {
      inProcess.jest = jest;
      for (const name of [...GLOBALS, 'console']) inProcess[name] = inContext[name];
      await import(url);
    };
  }

  override async setup(): Promise<void> {
    await super.setup();
    // Jest has just installed its own way to find where compiled lines came from, which does not know these modules.
    process.setSourceMapsEnabled(true);
    Object.assign(Error, { prepareStackTrace: undefined });
  }
}
