import { eventually, findBarriers, type Page, useConsole } from './support/index.ts';

/* The page that operators work with: 1,000 workstations that stand still, so that only the test changes them. */

const console = useConsole({ fleet: 'still' });

const gridOf = (page: Page) => page.getByRole('grid', { name: 'Workstations' });
const rowsOf = (page: Page) => gridOf(page).getByRole('row');
const rowOf = (page: Page, name: string) => rowsOf(page).filter({ hasText: name });
const nameAt = (page: Page, index: number) =>
  page.locator(`[role=row][aria-rowindex="${index + 2}"] .grid-name`).textContent();

/** The names of the fleet in an order, as the API tells. */
async function namesIn(orderBy: string, page = 'first: 500'): Promise<string[]> {
  const { data } = await console.server.ask(`{ workstations(${page}, orderBy: ${orderBy}) { nodes { name } } }`);
  return data.workstations.nodes.map(({ name }: { name: string }) => name);
}

// How long it takes, and how many bytes, is in first-load.test.ts.
test('a living fleet is there at once', async () => {
  const { page } = await console.open();
  await rowsOf(page).nth(5).waitFor();
  await page.getByRole('button', { name: /^\d+ Online/ }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
});

test('any part of the list is a scroll away, though few rows are in the document', async () => {
  const { page } = await console.open({ path: '/?sort=name' });
  const names = await namesIn('{ field: NAME }');
  const last = await namesIn('{ field: NAME }', 'last: 500');
  await rowOf(page, names[0]!).waitFor();
  expect(await gridOf(page).getAttribute('aria-rowcount')).toBe('1001');
  const scrollTo = (index: number) => gridOf(page).evaluate((grid, top) => grid.scrollTo({ top }), index * 33);
  for (const index of [40, 480, 130, 700, 985, 620, 0]) {
    await scrollTo(index);
    const expected = index < 500 ? names[index] : last[index - 500];
    await eventually(async () => expect(await nameAt(page, index)).toBe(expected));
  }
  expect(await rowsOf(page).count()).toBeLessThan(60);
});

test('a change of another user appears, is marked, and leaves selection and scroll position as they are', async () => {
  const { page } = await console.open({ path: '/?sort=name' });
  const names = await namesIn('{ field: NAME }');
  const scrolled = 100 * 33;
  await gridOf(page).evaluate((grid, top) => grid.scrollTo({ top }), scrolled);
  await page.getByRole('checkbox', { name: `Select ${names[105]}` }).check();
  const { data } = await console.server.ask(
    'query ($name: String) { workstations(filter: { nameContains: $name }) { nodes { id } } }',
    {
      variables: { name: names[106] },
    },
  );
  await console.server.ask(
    'mutation ($id: ID!) { updateWorkstation(id: $id, input: { operatingSystem: "Plan 9" }) { id } }',
    { variables: { id: data.workstations.nodes[0].id } },
  );
  const changed = rowOf(page, names[106]!);
  await eventually(async () => expect(await changed.textContent()).toContain('Plan 9'));
  expect(await changed.getAttribute('class')).toContain('row-changed');
  expect(await page.getByRole('checkbox', { name: `Select ${names[105]}` }).isChecked()).toBe(true);
  expect(await gridOf(page).evaluate((grid) => grid.scrollTop)).toBe(scrolled);
});

test('filter and order are in the address, and an address shows them', async () => {
  const { page } = await console.open();
  await page.getByRole('button', { name: 'Filters' }).click();
  await page.getByLabel('Operating system').fill('ubuntu');
  await page.getByRole('button', { name: /Offline$/ }).click();
  await page.getByLabel('CPU at least, in percent').fill('10');
  await page.getByRole('button', { name: 'Name' }).click();
  await eventually(() => {
    expect(new URL(page.url()).search).toBe('?status=offline&os=ubuntu&cpu=10..&sort=name');
  });
  const { data } = await console.server.ask(`{ workstations(first: 1, orderBy: { field: NAME }, filter: {
    status: [OFFLINE], operatingSystemContains: "ubuntu", cpuUsage: { gte: 10 } }) { totalCount nodes { name } } }`);
  const { totalCount, nodes } = data.workstations;
  const { page: other } = await console.open({ path: new URL(page.url()).search });
  for (const each of [page, other]) {
    await eventually(async () => {
      expect(await each.getByText(`${totalCount} workstation`).count()).toBe(1);
      expect(await nameAt(each, 0)).toBe(nodes[0].name);
    });
  }
  expect(await other.getByLabel('Operating system').inputValue()).toBe('ubuntu');
  await other.getByRole('button', { name: 'Clear' }).click();
  await other.getByText('1,000 workstations').waitFor();
});

test('while updates are paused, other rows and another filter are shown, and no change of them', async () => {
  const { page } = await console.open({ path: '/?sort=name' });
  const names = await namesIn('{ field: NAME }');
  await rowOf(page, names[0]!).waitFor();
  await page.getByRole('button', { name: 'Pause updates' }).click();
  await gridOf(page).evaluate((grid, top) => grid.scrollTo({ top }), 400 * 33);
  await eventually(async () => expect(await nameAt(page, 400)).toBe(names[400]));
  await page.getByLabel(/^Search/).fill(names[7]!);
  await page.getByText('1 workstation', { exact: true }).waitFor();
  await rowOf(page, names[7]!).waitFor();
  const find = 'query ($name: String) { workstations(filter: { nameContains: $name }) { nodes { id } } }';
  const { data } = await console.server.ask(find, { variables: { name: names[7] } });
  await console.server.ask(
    'mutation ($id: ID!) { updateWorkstation(id: $id, input: { operatingSystem: "Paused 1" }) { id } }',
    { variables: { id: data.workstations.nodes[0].id } },
  );
  // Another page has heard of the change; this one would have.
  const { page: other } = await console.open({ path: `/?q=${names[7]}` });
  await other.getByText('Paused 1').waitFor();
  expect(await page.getByText('Paused 1').count()).toBe(0);
  await page.getByRole('button', { name: 'Resume updates' }).click();
  await page.getByText('Paused 1').waitFor();
});

test('the list says that it is busy while rows on the screen are on their way', async () => {
  const { page } = await console.open({ path: '/?sort=name' });
  await rowsOf(page).nth(5).waitFor();
  await eventually(async () => expect(await gridOf(page).getAttribute('aria-busy')).toBe('false'));
  const wasBusy = gridOf(page).evaluate(
    (grid) =>
      new Promise((resolve) => {
        new MutationObserver((_changes, observer) => {
          if (grid.getAttribute('aria-busy') !== 'true') return;
          observer.disconnect();
          resolve(true);
        }).observe(grid, { attributes: true });
        grid.scrollTo({ top: grid.scrollHeight / 2 });
      }),
  );
  expect(await wasBusy).toBe(true);
  await eventually(async () => expect(await gridOf(page).getAttribute('aria-busy')).toBe('false'));
});

test('an operator moves 40 machines to another manager, and sees first what would change', async () => {
  const { page } = await console.open({ path: '/?sort=name', role: 'OPERATOR' });
  const names = await namesIn('{ field: NAME }', 'first: 40');
  await page.getByRole('checkbox', { name: `Select ${names[0]}` }).click();
  await gridOf(page).evaluate((grid) => grid.scrollTo({ top: 25 * 33 }));
  await page.getByRole('checkbox', { name: `Select ${names[39]}` }).click({ modifiers: ['Shift'] });
  await page.getByText('40 selected').waitFor();
  await page.getByRole('button', { name: 'Edit …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit 40 workstations' });
  await dialog.getByRole('searchbox', { name: 'Find a manager' }).fill('Ada Abebe');
  await dialog.getByRole('option', { name: /^Ada Abebe/ }).waitFor({ state: 'attached' });
  const choice = await dialog.getByRole('option', { name: /^Ada Abebe/ }).getAttribute('value');
  await dialog.getByLabel('Manager', { exact: true }).selectOption(choice);
  await dialog.getByLabel('Add tags').fill('moved');
  await dialog.getByRole('button', { name: 'Preview' }).click();
  await dialog.getByText('40 of 40 workstations would change. Nothing has been changed yet.').waitFor();
  const countMoved = async () =>
    (await console.server.ask('{ workstations(filter: { tags: ["moved"] }) { totalCount } }')).data.workstations
      .totalCount;
  expect(await countMoved()).toBe(0);
  await dialog.getByRole('button', { name: 'Change 40 workstations' }).click();
  await page.getByText('40 of 40 workstations were changed.').waitFor();
  expect(await countMoved()).toBe(40);
  await eventually(async () => expect(await rowOf(page, names[30]!).textContent()).toContain('Ada Abebe'));
  await page.getByText('40 selected').waitFor();
});

test('all that match are selected with one click, and a filter is needed to change them', async () => {
  const { page } = await console.open({ role: 'OPERATOR' });
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  await page.getByText('1,000 selected').waitFor();
  expect(await page.getByRole('button', { name: 'Edit …' }).isDisabled()).toBe(true);
  await page.getByText('The API does not change the whole fleet at once.').waitFor();
  await page.getByRole('button', { name: /Maintenance$/ }).click();
  await page.getByRole('checkbox', { name: /^Select all/ }).check();
  const { data } = await console.server.ask('{ workstations(filter: { status: [MAINTENANCE] }) { totalCount } }');
  const count = data.workstations.totalCount;
  await page.getByText(`${count} selected`).waitFor();
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('dialog').getByText(`${count} workstations will be deleted`).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
});

test('a viewer is told that changing needs another role', async () => {
  const { page } = await console.open();
  await rowsOf(page).nth(3).getByRole('checkbox').check();
  expect(await page.getByRole('button', { name: 'Edit …' }).isDisabled()).toBe(true);
  await page.getByText('sign in with the role OPERATOR').waitFor();
});

test('the keyboard alone moves, selects and sorts', async () => {
  const { page } = await console.open({ path: '/?sort=name' });
  await rowsOf(page).nth(5).waitFor();
  await gridOf(page).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('2 selected').waitFor();
  await page.keyboard.press('End');
  await eventually(async () => {
    // The grid names no row until the last rows have been read.
    const active = await gridOf(page).getAttribute('aria-activedescendant');
    expect(await page.locator(`[id="${active}"][aria-rowindex="1001"]`).count()).toBe(1);
  });
  await page.keyboard.press('Escape');
  await eventually(async () => expect(await page.getByText('2 selected').count()).toBe(0));
});

test('the list is exported as the filter has it', async () => {
  const { page } = await console.open({ path: '/?status=maintenance', role: 'VIEWER' });
  await rowsOf(page).nth(1).waitFor();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export CSV' }).click(),
  ]);
  expect(file.suggestedFilename()).toBe('workstations.csv');
  expect(file.url()).not.toContain('token');
});

test('chosen columns stay chosen', async () => {
  const { page } = await console.open();
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('checkbox', { name: 'Address' }).check();
  await page.getByRole('columnheader', { name: 'Address' }).waitFor();
  await page.reload();
  await page.getByRole('columnheader', { name: 'Address' }).waitFor();
});

test.each(['light', 'dark'] as const)('there are no barriers in %s', async (colorScheme) => {
  for (const width of [1440, 360]) {
    const { page } = await console.open({ colorScheme, width, path: '/?os=ubuntu', role: 'OPERATOR' });
    await rowsOf(page).nth(3).getByRole('checkbox').check();
    await page.getByText('1 selected').waitFor();
    expect(await findBarriers(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  }
});
