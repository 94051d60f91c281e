import shared from '../../jest.config.js';

/** Runs the tests of the mutated folders, see `together.tests.ts`, until one of them fails. */
export default {
  ...shared,
  rootDir: '../..',
  roots: ['<rootDir>/test/mutation'],
  testEnvironment: `${import.meta.dirname}/first-failure-environment.js`,
  globalSetup: undefined,
  globalTeardown: undefined,
  testMatch: ['<rootDir>/test/mutation/together.tests.ts'],
  // Many mutants make a test wait for ever. A failure here is cheaper than Stryker's own limit, which costs a new process.
  testTimeout: 5000,
};
