/** The test kit, imported as `stationmaster/testing`: docs/testing.md. It depends on no test runner. */

export {
  type Answer,
  type AskOptions,
  startTestApp,
  TEST_SECRET,
  type TestApp,
  type TestAppOptions,
} from './test-app.ts';
export { createTestClock, type TestClock } from './test-clock.ts';
export {
  changeFeed,
  createEmbeddedDatabase,
  createEmbeddedFolder,
  createServerDatabase,
  createTemplate,
  dropTemplate,
  type Engine,
  engine,
} from './test-database.ts';
export type { TestEvent, TestSocket, TestSubscription } from './test-socket.ts';
