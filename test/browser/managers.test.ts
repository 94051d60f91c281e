import { eventually, type Page, useConsole } from './support/index.ts';

const console = useConsole({ fleet: 'off' });

interface Row {
  readonly id: string;
  readonly version: number;
}

async function addManager(name: string): Promise<Row> {
  const input = { name, email: `${name.toLowerCase().replaceAll(' ', '.')}@example.com` };
  const { data } = await console.server.ask(
    'mutation ($input: CreateManagerInput!) { createManager(input: $input) { id version } }',
    { variables: { input } },
  );
  return data.createManager;
}

async function addWorkstation(name: string, managerId: string): Promise<Row> {
  const input = { name, managerId, hostname: name.toLowerCase(), ipAddress: '10.0.0.1', operatingSystem: 'Debian 13' };
  const { data } = await console.server.ask(
    'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id version } }',
    { variables: { input } },
  );
  return data.createWorkstation;
}

async function countWorkstations(managerId: string): Promise<number> {
  const { data } = await console.server.ask('query ($id: ID!) { manager(id: $id) { workstations { totalCount } } }', {
    variables: { id: managerId },
  });
  return data.manager.workstations.totalCount;
}

const rowOf = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });
const names = (page: Page) => page.getByRole('rowheader').allTextContents();

beforeAll(async () => {
  for (const name of ['Grace Hopper', 'Ada Lovelace', 'Barbara Liskov']) await addManager(name);
});

test('the list is sorted and filtered, which the address says, and follows the changes of others', async () => {
  const { page } = await console.open({ role: 'VIEWER', path: '/managers' });
  await rowOf(page, 'Grace Hopper').waitFor();
  expect(await names(page)).toEqual(['Ada Lovelace', 'Barbara Liskov', 'Grace Hopper']);
  await page.getByRole('button', { name: 'Email' }).click();
  await page.getByRole('button', { name: 'Email' }).click();
  await eventually(async () => expect(await names(page)).toEqual(['Grace Hopper', 'Barbara Liskov', 'Ada Lovelace']));
  await page.getByLabel('Find by name or email').fill('bar');
  await page.getByText('1 manager', { exact: true }).waitFor();
  expect(new URL(page.url()).search).toBe('?sort=EMAIL.DESC&text=bar');

  await addManager('Baron Muenchhausen');
  await rowOf(page, 'Baron Muenchhausen').waitFor();
  expect(await names(page)).toEqual(['Baron Muenchhausen', 'Barbara Liskov']);
});

test('one adds a manager; what the API refuses is said at its field, and the input stays', async () => {
  const { page } = await console.open({ role: 'OPERATOR', path: '/managers', allow: [/status of 400/] });
  await page.getByRole('button', { name: 'Add a manager' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a manager' });
  await dialog.getByLabel('Name').fill('Margaret Hamilton');
  await dialog.getByLabel('Email').fill('ada.lovelace@example.com');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByRole('alert').waitFor();
  const email = dialog.getByLabel('Email');
  expect(await email.getAttribute('aria-invalid')).toBe('true');
  expect(await email.getAttribute('aria-describedby')).toBe(await dialog.getByRole('alert').getAttribute('id'));
  expect(await dialog.getByLabel('Name').inputValue()).toBe('Margaret Hamilton');

  await email.fill('no address');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await eventually(async () => {
    expect(await dialog.getByRole('alert').textContent()).toBe('Value is not a valid email address: no address');
  });
  expect(await email.getAttribute('aria-invalid')).toBe('true');

  await email.fill('margaret@example.com');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await page.getByText('Margaret Hamilton was added.').waitFor();
  await rowOf(page, 'margaret@example.com').waitFor();
});

test('an edit that somebody else overtook says who sees what, and can overwrite', async () => {
  const { id, version } = await addManager('Radia Perlman');
  const { page } = await console.open({ role: 'OPERATOR', path: '/managers' });
  await page.getByRole('button', { name: 'Edit Radia Perlman' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Email').fill('radia@example.com');
  await console.server.ask('mutation ($id: ID!) { updateManager(id: $id, input: { name: "Radia P." }) { id } }', {
    variables: { id },
  });
  await dialog.getByRole('heading', { name: 'Somebody else has changed this' }).waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('heading', { name: 'Not saved: somebody else was faster' }).waitFor();
  const conflict = dialog.getByRole('region', { name: /^Not saved/ });
  expect(await conflict.getByRole('row').nth(1).getByRole('cell').allTextContents()).toEqual([
    'Radia Perlman',
    'Radia P.',
    'left as it is',
  ]);
  expect(await conflict.getByRole('row').nth(2).getByRole('cell').allTextContents()).toEqual([
    'radia.perlman@example.com',
    'radia.perlman@example.com',
    'radia@example.com',
  ]);
  await dialog.getByRole('button', { name: 'Overwrite with mine' }).click();
  await dialog.waitFor({ state: 'detached' });
  const { data } = await console.server.ask('query ($id: ID!) { manager(id: $id) { name email version } }', {
    variables: { id },
  });
  expect(data.manager).toEqual({ name: 'Radia P.', email: 'radia@example.com', version: version + 2 });
});

test('forty of the workstations move to another manager, after a dry run said how many', async () => {
  const from = await addManager('Joan Clarke');
  const to = await addManager('Karen Jones');
  for (let number = 1; number <= 42; number++) await addWorkstation(`ROOM-${number}`, from.id);
  const { page } = await console.open({ role: 'OPERATOR', path: '/managers?text=joan' });
  await page.getByRole('button', { name: '42 workstations of Joan Clarke' }).click();
  const dialog = page.getByRole('dialog', { name: 'Workstations of Joan Clarke' });
  await dialog.getByLabel('All on this page').check();
  await dialog.getByLabel('Choose ROOM-7', { exact: true }).uncheck();
  await dialog.getByLabel('Choose ROOM-9', { exact: true }).uncheck();
  await dialog.getByLabel('Find a manager by name or email').fill('karen');
  await dialog.getByRole('option', { name: /Karen Jones/ }).waitFor({ state: 'attached' });
  await dialog.getByLabel('Move to').selectOption(to.id);
  await dialog.getByRole('button', { name: 'Move the 40 chosen …' }).click();
  await dialog.getByText('40 workstations will move to Karen Jones.').waitFor();
  expect(await countWorkstations(to.id)).toBe(0);
  await dialog.getByRole('button', { name: 'Move 40' }).click();
  await dialog.getByText('40 workstations moved to Karen Jones.').waitFor();
  await eventually(async () =>
    expect(await dialog.getByRole('rowheader').allTextContents()).toEqual(['ROOM-9', 'ROOM-7']),
  );
  expect(await countWorkstations(to.id)).toBe(40);
});

test('a manager is deleted after a question that says what becomes of the workstations', async () => {
  const { id } = await addManager('Alan Turing');
  await addWorkstation('BOMBE-1', id);
  const { page } = await console.open({ role: 'OPERATOR', path: '/managers?text=turing' });
  await page.getByRole('button', { name: '1 workstation of Alan Turing' }).waitFor();
  await page.getByRole('button', { name: 'Delete Alan Turing' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete Alan Turing?' });
  await dialog.getByText('1 workstation will be without a manager.').waitFor();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Alan Turing was deleted.').waitFor();
  await page.getByText('No manager fits the text.').waitFor();
});

test('a VIEWER is told why nothing can be changed', async () => {
  const { page } = await console.open({ role: 'VIEWER', path: '/managers' });
  await rowOf(page, 'Ada Lovelace').waitFor();
  await page.getByText('Adding, editing, deleting and moving needs the role OPERATOR').waitFor();
  expect(await page.getByRole('button', { name: 'Add a manager' }).isDisabled()).toBe(true);
  expect(await page.getByRole('button', { name: 'Edit Ada Lovelace' }).isDisabled()).toBe(true);
  expect(await page.getByRole('button', { name: 'Delete Ada Lovelace' }).isDisabled()).toBe(true);
});
