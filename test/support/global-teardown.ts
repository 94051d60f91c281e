import { dropTemplate } from '../../src/testing/test-database.ts';
import { stopTestServer } from './test-server.ts';

/** Also after a run that failed. */
export default async function tearDown(): Promise<void> {
  await dropTemplate();
  await stopTestServer();
}
