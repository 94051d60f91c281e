import shared from '../../jest.config.js';

/**
 * The tests of the folders that are mutated. Without those that try random interleavings, which take seconds for each of
 * two thousand mutants: what only they would notice counts as survived.
 */
export default {
  ...shared,
  rootDir: '../..',
  testEnvironment: 'node',
  globalSetup: undefined,
  globalTeardown: undefined,
  testMatch: ['<rootDir>/test/{cache,changes,auth}/**/*.test.ts'],
  testPathIgnorePatterns: ['interleavings'],
  // Many mutants make a test wait for ever. It fails here, which costs less than Stryker's own limit and a new process.
  testTimeout: 1500,
};
