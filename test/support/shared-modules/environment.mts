import { registerHooks } from 'node:module';
import { ModernFakeTimers } from '@jest/fake-timers';
import { TestEnvironment } from 'jest-environment-node';
import '../typescript.ts';

/*
 * Jest loads every module anew for each test file, which here took as long as all tests together: the application is large
 * beside what one file asks of it, and what was loaded anew has yet to be compiled. So test files are imported by Node
 * itself, as is what they import, once for each worker. Jest's own part of a test file stays in a context of its own.
 *
 * Files therefore share what modules keep, globals and the environment's variables; and what a module of the tests does as
 * it is loaded, it does for the first file only. A file that mocks modules, or cannot share, has Jest's way back with
 * `@jest-environment node` in its first comment.
 */

/** What a test file finds without an import, or imports from `@jest/globals`. */
const GLOBALS = ['afterAll', 'afterEach', 'beforeAll', 'beforeEach', 'describe', 'expect', 'it', 'test'];

/** What needs Jest to load the modules. */
const MODULE_MOCKS = ['doMock', 'isolateModules', 'isolateModulesAsync', 'mock', 'resetModules', 'unstable_mockModule'];

/** So that matchers take what tests made for what it is: `expect.any(Array)`. But for symbols: of `Symbol` Jest keeps its own. */
const BUILT_IN = Object.entries(Object.getOwnPropertyDescriptors(globalThis))
  .filter(([name, { value }]) => /^[A-Z]/.test(name) && typeof value === 'function')
  .map(([name]) => name);

const GLOBALS_SOURCE = `export const { ${GLOBALS}, jestOfThisFile: jest } = globalThis;`;

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== '@jest/globals') return nextResolve(specifier, context);
    // Others are loaded once, with the `jest` of the first file.
    if (!context.parentURL?.endsWith('.test.ts')) throw new Error('Only a test file can import @jest/globals.');
    return { url: `jest-globals:${context.parentURL}`, format: 'module', shortCircuit: true };
  },
  load(url, context, nextLoad) {
    if (!url.startsWith('jest-globals:')) return nextLoad(url, context);
    return { format: 'module', source: GLOBALS_SOURCE, shortCircuit: true };
  },
});

const inProcess: Record<string, any> = globalThis;
const { console } = inProcess;

export default class SharedModulesEnvironment extends TestEnvironment {
  constructor(...[config, context]: ConstructorParameters<typeof TestEnvironment>) {
    super(config, context);
    if (config.globalConfig.collectCoverage) throw new Error('Ask for coverage with --coverage.');
    this.fakeTimersModern = new ModernFakeTimers({ config: config.projectConfig, global: globalThis });
    const inContext: Record<string, any> = this.global;
    for (const name of BUILT_IN) inContext[name] = inProcess[name];
    inContext.importTestFile = async ({ url, jest }: ImportMeta & { jest: Record<string, unknown> }) => {
      for (const name of MODULE_MOCKS) jest[name] = refuseToMock;
      inProcess.jestOfThisFile = jest;
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

  override async teardown(): Promise<void> {
    inProcess.console = console;
    await super.teardown();
  }
}

function refuseToMock(): never {
  throw new Error('A file that mocks modules begins with /** @jest-environment node */.');
}
