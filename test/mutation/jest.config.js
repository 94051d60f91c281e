import shared from '../../jest.config.js';

/**
 * Runs the tests of the mutated folders. The tests of random interleavings are left out, because they would take seconds for
 * each of two thousand mutants; a mutant that only they would notice counts as survived. The test of the README runs in a
 * process of its own, which does not see mutants.
 */
export default {
  ...shared,
  rootDir: '../..',
  testEnvironment: 'node',
  globalSetup: undefined,
  globalTeardown: undefined,
  testMatch: ['<rootDir>/test/{cache,changes,auth}/**/*.test.ts'],
  testPathIgnorePatterns: ['interleavings', 'readme'],
  // Many mutants make a test wait for ever. A failure here is cheaper than Stryker's own limit, which costs a new process.
  testTimeout: 1500,
};
