import { eventually, findBarriers, type Page, takeScreenshot, useConsole } from './support/index.ts';

const console = useConsole({ fleet: 'live' });

const LIST = 'query Fleet { workstations(first: 20) { nodes { id name status } } }';

async function ask(count: number): Promise<void> {
  for (let asked = 0; asked < count; asked++) await console.server.ask(LIST);
}

/** The number on a tile. */
async function tile(page: Page, label: string): Promise<string> {
  const value = page.locator('.tile', { has: page.getByText(label, { exact: true }) }).locator('.tile-value');
  return (await value.textContent()) ?? '';
}

/** What a chart shows above its lines. */
function legendOf(page: Page, title: string) {
  return page.getByRole('region', { name: title });
}

test('an admin sees the last samples at once', async () => {
  await ask(50);
  // Until the server has taken a sample or two.
  await eventually(async () => {
    const { data } = await console.server.ask('{ performanceHistory { requests } }');
    expect(data.performanceHistory.some(({ requests }: { requests: number }) => requests > 1)).toBe(true);
  });
  const { page, requests } = await console.open({ path: '/performance', role: 'ADMIN' });
  await page.getByRole('img', { name: /^Requests per second in the last 60 minutes/ }).waitFor();
  const highest = page
    .getByRole('row', { name: /^Requests per second: all/ })
    .getByRole('cell')
    .nth(2);
  await eventually(async () => expect(Number(await highest.textContent())).toBeGreaterThan(1));
  expect((await requests()).filter(({ path }) => path === '/graphql')).not.toEqual([]);
  expect(
    await page
      .getByRole('row', { name: /^Change feed/ })
      .getByRole('cell')
      .first()
      .textContent(),
  ).toBe('live');
  await page.getByRole('row', { name: /^workstations_list/ }).waitFor();
});

test('what happens shows within seconds', async () => {
  const { page } = await console.open({ path: '/performance', role: 'ADMIN' });
  await eventually(async () => expect(await tile(page, 'Up for')).toMatch(/\d/));
  await ask(100);
  await eventually(async () => expect(Number(await tile(page, 'Requests per second'))).toBeGreaterThan(5));
  // The page itself listens, and the machines of the demo fleet report.
  await eventually(async () => expect(Number(await tile(page, 'Connections'))).toBe(1));
  await eventually(async () => expect(Number(await tile(page, 'Changes per second'))).toBeGreaterThan(0));
  await eventually(async () => expect(await tile(page, 'Hit rate')).toMatch(/^[\d.]+ %$/));
  expect(await tile(page, 'Stale values found')).toBe('0');
});

test('the pointer on one chart reads the values of all', async () => {
  const { page } = await console.open({ path: '/performance', role: 'ADMIN' });
  const memory = legendOf(page, 'Memory');
  const sql = legendOf(page, 'SQL statements per second');
  await eventually(async () => expect(await memory.textContent()).toMatch(/now.*Process [\d.]+ MiB/));
  const { width } = (await memory.locator('.u-over').boundingBox())!;
  await memory.locator('.u-over').hover({ position: { x: width - 2, y: 40 } });
  await eventually(async () => {
    const times = await Promise.all(
      [memory, sql].map(async (chart) => /\d\d:\d\d:\d\d/.exec((await chart.textContent()) ?? '')?.[0]),
    );
    expect(times[0]).toBeDefined();
    expect(times[1]).toBe(times[0]);
  });
  expect(await sql.textContent()).toMatch(/Statements [\d.]+/);
  await page.getByRole('heading', { level: 1 }).hover();
  await eventually(async () => expect(await memory.textContent()).toMatch(/^Memory\s*now/));
});

test('shows less time on request', async () => {
  const { page } = await console.open({ path: '/performance', role: 'ADMIN' });
  await page.getByRole('button', { name: '5 minutes', exact: true }).click();
  await page.getByRole('img', { name: /^Memory in the last 5 minutes\. Process: [\d.]+ MiB now/ }).waitFor();
  expect(await page.getByRole('button', { name: '5 minutes', exact: true }).getAttribute('aria-pressed')).toBe('true');
  expect(await page.getByRole('button', { name: '1 hour' }).getAttribute('aria-pressed')).toBe('false');
});

test('a monitor sees the same from now on, without the history', async () => {
  const { page } = await console.open({ path: '/performance', role: 'MONITOR' });
  await page.getByText('The charts begin now: only an ADMIN sees the last hour.').waitFor();
  await page.getByRole('img', { name: /^Memory in the last 60 minutes/ }).waitFor();
  await ask(100);
  await eventually(async () => expect(Number(await tile(page, 'Requests per second'))).toBeGreaterThan(5));
});

test('others are not offered the page, and told what it needs', async () => {
  const { page } = await console.open({ path: '/performance', role: 'OPERATOR' });
  await page.getByText('This page needs the role MONITOR or ADMIN.').waitFor();
  expect(await page.getByRole('navigation').getByRole('link', { name: 'Performance' }).count()).toBe(0);
});

test('goes on with the new instance after a restart of the server', async () => {
  // The page asks while nobody answers.
  const allow = [/WebSocket connection to .* failed/, /ERR_CONNECTION_REFUSED/, /status of 503/];
  const { page } = await console.open({ path: '/performance', role: 'ADMIN', allow });
  await page.getByRole('img', { name: /^Memory/ }).waitFor();
  await console.server.stop();
  await page
    .getByText(/connection/i)
    .first()
    .waitFor();
  await console.server.start();
  await eventually(async () => expect(await tile(page, 'Up for')).toMatch(/^\d+ s$/));
  await eventually(async () => expect(await tile(page, 'Memory')).toMatch(/MiB$/));
});

describe.each(['light', 'dark'] as const)('in the %s scheme', (colorScheme) => {
  test.each([360, 768, 1440])('is readable and without barriers in %i pixels', async (width) => {
    const { page } = await console.open({ path: '/performance', role: 'ADMIN', colorScheme, width });
    await page.getByRole('img', { name: /^Memory/ }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    const sizes = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    expect(sizes[0]).toBe(sizes[1]);
    await takeScreenshot(page, `performance-${colorScheme}-${width}`);
  });
});
