export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  maxWorkers: '100%',
  // Ends what hangs. It judges no speed: a test of seconds may take minutes on a busy machine.
  testTimeout: 300_000,
  // Node's streams use them: with fakes a request would wait forever.
  fakeTimers: { doNotFake: ['nextTick', 'queueMicrotask'] },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // `npm run test:browser`, which needs Chromium, and `npm run test:clients`, which has packages of its own.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/', '<rootDir>/test/clients/'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
};
