import { startTestApp, type TestApp } from '../support/test-app.ts';
import { type Fleet, readFleet } from './fleet-oracle.ts';

/** A fleet with many equal and many missing values, so that pages end between equal ones. */
export async function startTiedFleet(): Promise<{ readonly testApp: TestApp; readonly fleet: Fleet }> {
  const testApp = await startTestApp({ fleet: { managers: 7, workstations: 60 } });
  await testApp.sql('update workstation set cpu_usage = null, last_seen_at = null where ascii(right(name, 1)) % 3 = 0');
  await testApp.sql('update workstation set cpu_usage = 10 where ascii(right(name, 1)) % 3 = 1');
  await testApp.waitUntilHeard();
  return { testApp, fleet: await readFleet(testApp) };
}
