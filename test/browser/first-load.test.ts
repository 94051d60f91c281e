import type { RecordedRequest } from './support/index.ts';
import { useConsole } from './support/index.ts';

const console = useConsole({ fleet: 'live' });

const MAX_BYTES = 350_000;

/** The time is reported and not asserted: on a busy machine it says more about the machine. */
function print(requests: readonly RecordedRequest[], shownMs: number): void {
  const total = requests.reduce((sum, { bytes }) => sum + bytes, 0);
  const lines = requests.map(
    ({ method, path, status, bytes }) => `  ${String(bytes).padStart(7)}  ${method} ${path} ${status}`,
  );
  process.stdout.write(
    `\nThe first load: ${requests.length} requests\n${lines.join('\n')}\n  ${String(total).padStart(7)}  bytes; the fleet was shown after ${Math.round(shownMs)} ms\n`,
  );
}

test('the first load takes at most 350 kB, all from this server, and shows a living fleet', async () => {
  const { page, requests } = await console.open({ path: '/' });
  await page.getByRole('row').nth(5).waitFor();
  const shownMs = await page.evaluate(() => performance.now());
  await page.getByText('Live', { exact: true }).waitFor();
  const recorded = await requests();
  expect(recorded.length).toBeGreaterThan(2);
  print(recorded, shownMs);
  expect(recorded.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(MAX_BYTES);
});

test('the second load asks only whether the document has changed', async () => {
  const { page, requests, context } = await console.open({ path: '/' });
  await page.getByRole('row').nth(5).waitFor();
  const before = (await requests()).length;
  const again = await context.newPage();
  await again.goto(console.server.url);
  await again.getByRole('row').nth(5).waitFor();
  const fresh = (await requests()).slice(before).filter(({ status }) => status !== 304);
  expect(fresh.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(2000);
});
