import shared from '../../jest.config.js';

/** `npm run test:browser`: the console in a real Chromium, on the built server. */
export default {
  ...shared,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/browser/support/global-setup.ts',
  // Each file has a server and a browser of its own: together they are busy with two processors.
  maxWorkers: '50%',
};
