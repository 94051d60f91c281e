import { findBarriers, type Page, takeScreenshot, useConsole } from './support/index.ts';
import { listPages } from './support/pages.ts';

/* What holds for every page of the console, in light and dark, wide and narrow. Performance and Cache have it in their own tests. */

const console = useConsole({ fleet: 'live' });

const LOOKS = [
  { colorScheme: 'light', width: 1440 },
  { colorScheme: 'dark', width: 1440 },
  { colorScheme: 'light', width: 360 },
  { colorScheme: 'dark', width: 360 },
] as const;

/** The workstation of the pages: the one that reported last. */
async function findWorkstation(): Promise<string> {
  const { data } = await console.server.ask(
    '{ workstations(first: 1, filter: { neverSeen: false, unmanaged: false }, orderBy: { field: NAME }) { nodes { id } } }',
  );
  return data.workstations.nodes[0].id;
}

/** So that there is something to see. */
async function changeAndReport(page: Page, path: string): Promise<void> {
  const id = path.split('/').at(-1);
  const reported: number[] = [];
  for (const cpuUsage of [20, 35, 30, 55, 48]) {
    await console.server.ask(
      'mutation ($reading: TelemetryReading!) { reportTelemetry(readings: [$reading]) { stored } }',
      {
        variables: {
          reading: { workstationId: id, cpuUsage, memoryUsage: 40 + reported.push(cpuUsage), diskUsage: 77 },
        },
      },
    );
  }
  await console.server.ask(
    'mutation ($id: ID!, $tag: String!) { updateWorkstation(id: $id, input: { tags: ["lab", $tag] }) { id } }',
    { variables: { id, tag: `rack-${Date.now() % 1000}` } },
  );
  await page.getByText(/^Tags: /).waitFor();
}

describe.each(LOOKS)('at $width px, $colorScheme', ({ colorScheme, width }) => {
  const names = listPages('').map(({ name }) => name);

  test.each(names)('%s has no problem, no barrier, and fits into the window', async (name) => {
    const { path, role, untilShown } = listPages(await findWorkstation()).find((page) => page.name === name)!;
    const { page } = await console.open({ role, path, colorScheme, width });
    await untilShown(page);
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    if (name === 'workstation') await changeAndReport(page, path);
    await takeScreenshot(page, `${name}-${colorScheme}-${width}`);
  });
});

test('the longest texts that the API takes fit into a narrow window, and into its dialogs', async () => {
  const input = {
    name: 'W'.repeat(200),
    hostname: `${'h'.repeat(63)}.${'h'.repeat(63)}`,
    ipAddress: '2001:db8:1111:2222:3333:4444:5555:6666',
    operatingSystem: 'O'.repeat(200),
    tags: ['t'.repeat(50)],
  };
  const { data } = await console.server.ask(
    'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id } }',
    { variables: { input } },
  );
  const path = `/workstations/${data.createWorkstation.id}`;
  const { page } = await console.open({ role: 'ADMIN', path, width: 360 });
  await page.getByRole('heading', { name: input.name, level: 1 }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  await page.getByRole('button', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  expect(await dialog.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBeLessThanOrEqual(0);
});
