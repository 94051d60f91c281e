import { eventually, findBarriers, type Page, takeScreenshot, useConsole } from './support/index.ts';

const console = useConsole();

const LIST = '{ workstations(first: 3) { nodes { id name } } }';
const RENAME = 'mutation ($id: ID!, $name: String) { updateWorkstation(id: $id, input: { name: $name }) { version } }';

const ask = (document: string, variables?: Record<string, unknown>) => console.server.ask(document, { variables });
const readIds = async (): Promise<string[]> =>
  (await ask(LIST)).data.workstations.nodes.map(({ id }: { id: string }) => id);
const countEntries = async (pattern: string): Promise<number> =>
  (await ask('query ($pattern: String) { cacheEntries(pattern: $pattern) { totalCount } }', { pattern })).data
    .cacheEntries.totalCount;
const rows = (page: Page, table: string) => page.getByRole('table', { name: table }).getByRole('row');
const open = (query = '', options = {}) => console.open({ role: 'ADMIN', path: `/cache${query}`, ...options });

beforeEach(async () => {
  await ask('mutation { clearCache { entriesRemoved } }');
  await readIds();
});

test('the page tells what each layer holds, and a layer shows its entries', async () => {
  const { page } = await open();
  const layers = page.getByRole('region', { name: 'Layers' });
  await layers.getByRole('row', { name: /^workstations_list 1 / }).waitFor();
  await layers.getByRole('button', { name: 'workstations_list' }).click();
  await eventually(async () => expect(await rows(page, 'Entries').count()).toBe(1 + 1));
  expect(await rows(page, 'Entries').nth(1).textContent()).toMatch(/^workstations_list_\S+_3_\{\}workstations_list/);
  const layer = page.getByLabel('Layer', { exact: true });
  await eventually(async () => expect(await layer.inputValue()).toBe('workstations_list'));
  expect(new URL(page.url()).search).toBe('?layer=workstations_list');
});

test('entries are found by a pattern, sorted and paged, and others show up by themselves', async () => {
  await ask('{ workstations(first: 120) { nodes { id } } }');
  const { page } = await open('?pattern=workstations_0*');
  const total = await countEntries('workstations_0*');
  await page.getByText(`${total} entries`, { exact: true }).waitFor();
  await page.getByText(`1–50 of ${total}`).waitFor();
  await page.getByRole('button', { name: 'Key' }).click();
  const keys = async () => page.getByRole('table', { name: 'Entries' }).getByRole('rowheader').allTextContents();
  let first: string[] = [];
  await eventually(async () => {
    first = await keys();
    expect(first).toEqual(first.toSorted());
  });
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(`51–100 of ${total}`).waitFor();
  await eventually(async () => expect((await keys()).filter((key) => first.includes(key))).toEqual([]));

  await page.getByLabel('Keys that match').fill('managers_list_*');
  await page.getByText('The cache holds no such entry.').waitFor();
  await ask('{ managers(first: 2) { nodes { id } } }');
  await page.getByText('1 entry', { exact: true }).waitFor();
});

test('a pattern that cannot be one is refused at its field, and what was found stays', async () => {
  const { page } = await open('', { allow: [/status of 400/] });
  await rows(page, 'Entries').nth(1).waitFor();
  const pattern = page.getByLabel('Keys that match');
  await pattern.fill('x'.repeat(257));
  await page.getByRole('alert').filter({ hasText: 'at most 256 are allowed' }).waitFor();
  expect(await pattern.getAttribute('aria-invalid')).toBe('true');
  expect(await page.getByRole('region', { name: 'Layers' }).count()).toBe(1);
});

test('a response tells what it was made of, and after a change of that why it left', async () => {
  const [id] = await readIds();
  const { page } = await open('?layer=responses&pattern=*workstations(first%3A+3)*');
  await page
    .getByRole('table', { name: 'Entries' })
    .getByRole('button', { name: /workstations\(first: 3\)/ })
    .click();
  const dialog = page.getByRole('dialog', { name: 'Cache entry' });
  const parts = dialog.getByRole('region', { name: 'Made of' }).getByRole('button');
  await eventually(async () => expect(await parts.count()).toBe(4));
  await dialog.getByRole('button', { name: `workstations_${id}` }).click();
  await dialog.getByText('It was read from the database').waitFor();
  await dialog.getByRole('button', { name: 'Back' }).click();
  await eventually(async () => expect(await parts.count()).toBe(4));

  await ask(RENAME, { id, name: 'Renamed' });
  await dialog.getByText('This key is not in the cache now').waitFor();
  const [, last] = await dialog.getByRole('table', { name: 'Removals' }).getByRole('row').all();
  expect(await last!.textContent()).toContain(
    `InvalidatedUPDATE of workstation ${id}, with workstations_${id}, which it was made of`,
  );
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  const removals = page.getByRole('region', { name: 'Recent removals' });
  await removals
    .getByRole('row', { name: new RegExp(`UPDATE of workstation ${id}`) })
    .first()
    .waitFor();
});

test('replacements are shown when they are asked for', async () => {
  const [id] = await readIds();
  await ask(RENAME, { id, name: 'Replaced' });
  const { page } = await open(`?pattern=workstations_${id}`);
  const removals = page.getByRole('region', { name: 'Recent removals' });
  await removals.getByRole('checkbox', { name: 'Replaced' }).waitFor();
  expect(await removals.getByRole('cell', { name: 'Replaced', exact: true }).count()).toBe(0);
  await removals.getByRole('checkbox', { name: 'Replaced' }).check();
  await removals.getByRole('cell', { name: 'Replaced', exact: true }).first().waitFor();
});

test('a dry run shows what a pattern would remove, and only then it can be removed', async () => {
  const { page } = await open('?pattern=workstations_list_*');
  await page.getByRole('button', { name: 'Invalidate …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invalidate entries' });
  await dialog.getByText('1 of the entries of this instance match').waitFor();
  await dialog.getByRole('list', { name: 'Keys' }).getByText('workstations_list_CREATED_AT_DESC_3_{}').waitFor();
  expect(await countEntries('workstations_list_*')).toBe(1);

  await dialog.getByLabel('Pattern').fill('workstations_*');
  expect(await dialog.getByRole('button', { name: 'Invalidate', exact: true }).isDisabled()).toBe(true);
  await page.keyboard.press('Enter');
  const count = await countEntries('workstations_*');
  await dialog.getByRole('button', { name: `Invalidate ${count} entries` }).click();
  await page.getByText(`Removed ${count} entries matching workstations_*.`).waitFor();
  expect(await countEntries('workstations_*')).toBe(0);
});

test('a pattern that the API refuses cannot be removed, and the refusal is at its field', async () => {
  const { page } = await open('', { allow: [/status of 400/] });
  await page.getByRole('button', { name: 'Invalidate …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invalidate entries' });
  await dialog.getByRole('list', { name: 'Keys' }).waitFor();
  await dialog.getByLabel('Pattern').fill(' ');
  await dialog.getByRole('button', { name: 'Show what would go' }).click();
  await dialog.getByText('The pattern is empty.').waitFor();
  expect(await dialog.getByLabel('Pattern').getAttribute('aria-invalid')).toBe('true');
  expect(await dialog.getByRole('button', { name: 'Invalidate', exact: true }).isDisabled()).toBe(true);
});

test('clearing says how many entries will go, and can be left undone', async () => {
  const { page } = await open();
  await page.getByRole('button', { name: 'Clear …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear the cache?' });
  const count = await countEntries('*');
  await dialog.getByText(`${count} entries of this instance will go`).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await countEntries('*')).toBe(count);

  await page.getByRole('button', { name: 'Clear …' }).click();
  await dialog.getByRole('button', { name: 'Clear', exact: true }).click();
  await page.getByText(/^The cache was cleared: \d+ entries removed\.$/).waitFor();
  expect(await countEntries('*')).toBe(0);
  await page.getByText('The cache holds no such entry.').waitFor();
});

test.each(['OPERATOR', 'MONITOR'] as const)(
  '%s is not offered the page, and is told why if they open it',
  async (role) => {
    const { page, requests } = await console.open({ role, path: '/cache' });
    await page.getByText('Looking into the cache needs the role ADMIN').waitFor();
    expect(await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Cache' }).count()).toBe(0);
    expect((await requests()).filter(({ path }) => path === '/graphql')).toEqual([]);
  },
);

test.each([
  ['light', 1440],
  ['dark', 1440],
  ['light', 360],
  ['dark', 360],
] as const)('nothing bars anyone from it, in %s at %i px', async (colorScheme, width) => {
  await ask('{ workstations(first: 60) { nodes { id manager { name } } } }');
  await ask('{ managers(first: 5) { nodes { id name } } fleetSummary { total } }');
  const { page } = await open('?layer=responses', { colorScheme, width });
  await rows(page, 'Entries').nth(1).waitFor();
  expect(await findBarriers(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  await takeScreenshot(page, `cache-${colorScheme}-${width}`);
  await rows(page, 'Entries').nth(1).getByRole('button').click();
  await page.getByRole('dialog').getByRole('region', { name: 'Made of' }).waitFor();
  expect(await findBarriers(page)).toEqual([]);
  await takeScreenshot(page, `cache-entry-${colorScheme}-${width}`);
});
