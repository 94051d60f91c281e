import { ConnectionLimit } from '../../../src/database/connection/connection-limit.ts';
import { describeTarget } from '../../../src/database/connection/database-client.ts';
import { ServerWatch } from '../../../src/database/connection/server-watch.ts';
import { ReadPool } from '../../../src/database/read/read-pool.ts';
import { createServerDatabase, engine } from '../../../src/testing/test-database.ts';

test('Thousands of reads without a connection in time fail with a reason, and later reads are answered', async () => {
  // The embedded database has no connections, so no read waits for one.
  if (engine !== 'postgresql') return;
  const { url, dispose } = await createServerDatabase();
  const settings = { statement_timeout: '1100' };
  const target = describeTarget(url, { applicationName: 'stationmaster', connectTimeoutMs: 900, settings });
  const [limit, servers] = [new ConnectionLimit(), new ServerWatch()];
  const pool = new ReadPool({ target, size: 1, readTimeoutMs: 200, limit, servers });
  const ask = () => pool.query('one', 'select 1 as one', []).catch(({ code }) => code);
  await ask();
  const outcomes = [pool.query('held', 'select pg_sleep(1)', []).catch(({ code }) => code)];
  for (let reader = 0; reader < 4000; reader++) outcomes.push(ask());
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['UNAVAILABLE']));
  expect(await ask()).toEqual([{ one: 1 }]);
  await pool.close();
  await dispose();
});
