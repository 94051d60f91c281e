import { type Page, useConsole } from './support/index.ts';

/* Pages that stay open for days: what they hold does not grow with the changes that they have shown. */

const console = useConsole({ fleet: 'still', env: { RATE_LIMIT_PER_TOKEN: 'off' } });

const CHANGES = 10_000;
const BATCH = 50;
/** A hundred bytes a change: less than any row takes. */
const MAX_GROWTH_BYTES = 1024 * 1024;
/** Compiled code, lists that fill up to their bounds: a page grows for a while before it stays as it is. */
const MAX_ROUNDS = 5;

/** What the page's JavaScript holds after a collection of garbage. */
async function measureHeap(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.enable');
  for (let times = 0; times < 3; times++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize;
}

/** Changes workstations, `BATCH` a request, each to a value that it did not have. The first one is always among them. */
async function change(ids: readonly string[], count: number): Promise<number> {
  let last = 0;
  for (let done = 0; done < count; done += BATCH) {
    last = 1 + ((last + 37) % 99);
    const readings = ids.slice(0, BATCH).map((workstationId) => ({ workstationId, cpuUsage: last }));
    await console.server.ask(
      'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }',
      { variables: { readings } },
    );
  }
  return last;
}

test('10,000 live changes leave the memory of a page as it was', async () => {
  const { data } = await console.server.ask(`{ workstations(first: ${BATCH}) { nodes { id } } }`);
  const ids: string[] = data.workstations.nodes.map(({ id }: { id: string }) => id);
  const fleet = (await console.open({ role: 'VIEWER', path: '/' })).page;
  const workstation = (await console.open({ role: 'VIEWER', path: `/workstations/${ids[0]}` })).page;
  const untilShown = async (cpuUsage: number) => {
    await workstation
      .getByText(`${cpuUsage.toFixed(1)} %`, { exact: true })
      .first()
      .waitFor();
    await fleet.getByRole('row').nth(5).waitFor();
  };
  await untilShown(await change(ids, 60 * BATCH));
  const measure = async () => [await measureHeap(fleet), await measureHeap(workstation)];
  const sizes = [await measure()];
  let growth = [Number.POSITIVE_INFINITY];
  while (Math.max(...growth) > MAX_GROWTH_BYTES && sizes.length <= MAX_ROUNDS) {
    await untilShown(await change(ids, CHANGES));
    const [before, after] = [sizes.at(-1)!, await measure()];
    sizes.push(after);
    growth = after.map((bytes, index) => bytes - before[index]!);
  }
  process.stdout.write(
    `\nHeap before, and after each ${CHANGES} changes; fleet, workstation: ${sizes.join(' · ')} bytes\n`,
  );
  for (const bytes of growth) expect(bytes).toBeLessThan(MAX_GROWTH_BYTES);
}, 480_000);
