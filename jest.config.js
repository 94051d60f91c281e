// What is watched changes, and coverage is what Jest puts into the modules: then it is Jest that loads them.
const loadsModulesItself = process.argv.some((argument) => /^--(watch|coverage|collect-?coverage)/i.test(argument));

export default {
  testEnvironment: loadsModulesItself ? 'node' : '<rootDir>/test/support/shared-modules/environment.mts',
  extensionsToTreatAsEsm: ['.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  maxWorkers: '100%',
  testTimeout: 30_000,
  // Node's own streams use them, and a request would wait for ever.
  fakeTimers: { doNotFake: ['nextTick', 'queueMicrotask'] },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/shared-modules/transform.mts' },
};
