import { eventually, findBarriers, type Page, useConsole } from './support/index.ts';

const console = useConsole({ fleet: 'off' });

const addButton = (page: Page) => page.getByRole('button', { name: 'Add a workstation' });
const rowOf = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });

async function openDialog(page: Page) {
  await addButton(page).click();
  return page.getByRole('dialog', { name: 'Add a workstation' });
}

test('an operator adds a workstation: it appears in the table, and the notice leads to it', async () => {
  const { data } = await console.server.ask(
    'mutation { createManager(input: { name: "Ada Lovelace", email: "ada@example.com" }) { id } }',
  );
  const { page } = await console.open({ role: 'OPERATOR' });
  await page.getByText('The fleet is empty').waitFor();
  const dialog = await openDialog(page);
  await dialog.getByLabel('Name', { exact: true }).fill('LAB-1');
  await dialog.getByLabel('Host name').fill('lab-1.example.com');
  await dialog.getByLabel('Address').fill('2001:db8::1');
  await dialog.getByLabel('Operating system').fill('Debian 13');
  await dialog.getByLabel('Status').selectOption('Maintenance');
  await dialog.getByLabel('Tags').fill('zoo, lab');
  await dialog.getByRole('option', { name: /^Ada/ }).waitFor({ state: 'attached' });
  await dialog.getByLabel('Manager', { exact: true }).selectOption(data.createManager.id);
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('LAB-1 was added.').waitFor();
  await rowOf(page, 'LAB-1').getByText('Ada Lovelace').waitFor();
  const added = await console.server.ask(
    '{ workstations { nodes { id name hostname ipAddress operatingSystem status tags manager { name } } } }',
  );
  const [{ id, ...workstation }, ...others] = added.data.workstations.nodes;
  expect(others).toEqual([]);
  expect(workstation).toEqual({
    name: 'LAB-1',
    hostname: 'lab-1.example.com',
    ipAddress: '2001:db8::1',
    operatingSystem: 'Debian 13',
    status: 'MAINTENANCE',
    tags: ['lab', 'zoo'],
    manager: { name: 'Ada Lovelace' },
  });
  await page.getByRole('status').getByRole('link', { name: 'LAB-1' }).click();
  await page.getByRole('heading', { name: 'LAB-1', level: 1 }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/workstations/${id}`);
});

test('what the API refuses is said at its field, which gets the focus, and the input stays, at 360 pixels and by keyboard', async () => {
  const input = { name: 'Taken', hostname: 'taken', ipAddress: '10.0.0.1', operatingSystem: 'Debian 13' };
  await console.server.ask('mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id } }', {
    variables: { input },
  });
  const { page } = await console.open({ role: 'ADMIN', width: 360, allow: [/status of (400|409)/] });
  await rowOf(page, 'Taken').waitFor();
  await addButton(page).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Add a workstation' });
  const values = { Name: 'Taken', 'Host name': 'not a host name', Address: '10.0.0.256', 'Operating system': 'Plan 9' };
  const field = (label: string) => dialog.getByLabel(label, { exact: true });
  for (const [label, value] of Object.entries(values)) await field(label).fill(value);

  const corrections = [
    { label: 'Address', value: '10.0.0.2', reason: /10\.0\.0\.256/ },
    { label: 'Host name', value: 'free.example.com', reason: /host/i },
    { label: 'Name', value: 'Free', reason: /^Another workstation has this name/ },
  ];
  for (const { label, value, reason } of corrections) {
    await dialog.getByRole('button', { name: 'Add' }).press('Enter');
    const error = dialog.getByRole('alert').filter({ hasText: reason });
    await error.waitFor();
    expect(await field(label).getAttribute('aria-describedby')).toBe(await error.getAttribute('id'));
    expect(await dialog.locator('[aria-invalid=true]').count()).toBe(1);
    expect(await field(label).evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await findBarriers(page)).toEqual([]);
    expect(await dialog.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(0);
    await field(label).fill(value);
  }
  expect(await field('Operating system').inputValue()).toBe('Plan 9');
  await field('Name').press('Enter');
  await rowOf(page, 'Free').waitFor();
  await page.getByText('Free was added.').waitFor();
  await eventually(async () =>
    expect(await addButton(page).evaluate((it) => it === document.activeElement)).toBe(true),
  );
  expect(await findBarriers(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
});

test('a viewer is told that adding needs another role', async () => {
  const { page } = await console.open();
  await page.getByText('Adding a workstation needs the role OPERATOR').waitFor();
  expect(await addButton(page).isDisabled()).toBe(true);
});
