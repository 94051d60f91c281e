import { eventually, type Page, takeScreenshot, useConsole } from './support/index.ts';

const console = useConsole({ fleet: 'off' });

let number = 0;

/** Adds a workstation of its own for a test. */
async function addWorkstation() {
  number++;
  const input = {
    name: `LAB-${number}`,
    hostname: `lab-${number}.example.com`,
    ipAddress: `10.0.0.${number}`,
    operatingSystem: 'Debian 13',
    status: 'ONLINE',
  };
  const { data } = await console.server.ask(
    'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id name } }',
    { variables: { input } },
  );
  const { id, name } = data.createWorkstation as { id: string; name: string };
  return { id, name, path: `/workstations/${id}` };
}

async function update(id: string, input: Record<string, unknown>) {
  const { errors } = await console.server.ask(
    'mutation ($id: ID!, $input: UpdateWorkstationInput!) { updateWorkstation(id: $id, input: $input) { id } }',
    { variables: { id, input } },
  );
  expect(errors).toBeUndefined();
}

async function read(id: string) {
  const document = 'query ($id: ID!) { workstation(id: $id) { hostname operatingSystem tags manager { name } } }';
  return (await console.server.ask(document, { variables: { id } })).data.workstation;
}

async function openForm(page: Page) {
  await page.getByRole('button', { name: 'Edit' }).click();
  return page.getByRole('form', { name: 'Edit the workstation' });
}

test('readings appear as they are reported', async () => {
  const { id, path } = await addWorkstation();
  const { page } = await console.open({ role: 'VIEWER', path });
  await page.getByText('Never reported').waitFor();
  for (const cpuUsage of [12.5, 87.5]) {
    await console.server.ask(
      'mutation ($id: ID!, $cpuUsage: Float!) { reportTelemetry(readings: [{ workstationId: $id, cpuUsage: $cpuUsage }]) { stored } }',
      { variables: { id, cpuUsage } },
    );
    await page
      .getByText(`${cpuUsage.toFixed(1)} %`, { exact: true })
      .first()
      .waitFor();
  }
  await page.getByText('2 reports since the page was opened.').waitFor();
  await page.getByText('Nothing has changed yet.').waitFor();
});

test('edits of others are shown, and listed with the values before and after', async () => {
  const { id, name, path } = await addWorkstation();
  const { page } = await console.open({ role: 'VIEWER', path });
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  await page.getByText('Nothing has changed yet.').waitFor();
  await update(id, { operatingSystem: 'Debian 14', tags: ['lab', 'attic'], status: 'MAINTENANCE' });
  await page.getByText('Status: Online → Maintenance').waitFor();
  await page.getByText('Operating system: Debian 13 → Debian 14').waitFor();
  await page.getByText('Tags: none → attic, lab').waitFor();
  const details = page.getByRole('region', { name: 'Details' });
  await details.getByText('Debian 14').waitFor();
});

test('an edit is saved; only what was changed is sent', async () => {
  const { id, path } = await addWorkstation();
  const { data } = await console.server.ask(
    'mutation { createManager(input: { name: "Ada Lovelace", email: "ada@example.com" }) { id } }',
  );
  const { page } = await console.open({ role: 'OPERATOR', path });
  const form = await openForm(page);
  expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
  await form.getByLabel('Tags').fill('zoo, lab');
  await form.getByRole('option', { name: /Ada/ }).waitFor({ state: 'attached' });
  await form.getByLabel('Manager', { exact: true }).selectOption(data.createManager.id);
  const sent = page.waitForRequest((request) => request.postData()?.includes('UpdateWorkstation') === true);
  await form.getByRole('button', { name: 'Save' }).click();
  expect((await sent).postDataJSON().variables.input).toEqual({
    tags: ['zoo', 'lab'],
    managerId: data.createManager.id,
    expectedVersion: 1,
  });
  await page.getByText('Saved.').waitFor();
  expect(await read(id)).toMatchObject({ tags: ['lab', 'zoo'], manager: { name: 'Ada Lovelace' } });
});

test('what the API refuses is said at its field, and the input stays', async () => {
  const { path } = await addWorkstation();
  const { page } = await console.open({ role: 'OPERATOR', path, allow: [/status of 400/] });
  const form = await openForm(page);
  await form.getByLabel('Host name').fill('not a host name');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').waitFor();
  const hostname = form.getByLabel('Host name');
  expect(await hostname.getAttribute('aria-describedby')).toBe(await form.getByRole('alert').getAttribute('id'));
  expect(await hostname.inputValue()).toBe('not a host name');

  await hostname.fill('lab.example.com');
  await form.getByLabel('Address').fill('10.0.0.256');
  await form.getByRole('button', { name: 'Save' }).click();
  const address = form.getByLabel('Address');
  await eventually(async () => expect(await address.getAttribute('aria-invalid')).toBe('true'));
  expect(await hostname.getAttribute('aria-invalid')).toBeNull();
});

describe('an edit that somebody else overtook', () => {
  async function overtake() {
    const { id, path } = await addWorkstation();
    const { page } = await console.open({ role: 'OPERATOR', path });
    const form = await openForm(page);
    await form.getByLabel('Operating system').fill('Debian 14');
    await update(id, { operatingSystem: 'Fedora 43', hostname: 'other.example.com' });
    await form.getByRole('heading', { name: 'Somebody else has changed this' }).waitFor();
    await form.getByRole('button', { name: 'Save' }).click();
    const conflict = form.getByRole('region', { name: 'Not saved: somebody else was faster' });
    await conflict.waitFor();
    return { id, page, form, conflict };
  }

  test('says who sees what', async () => {
    const { page, conflict } = await overtake();
    await takeScreenshot(page, 'conflict-light-1440');
    await conflict.getByText('You opened version 1; it is at version 2 now.').waitFor();
    const rows = await conflict.getByRole('row').all();
    expect(await Promise.all(rows.map((row) => row.allInnerTexts()))).toEqual([
      ['Field\tWhen you opened it\tNow, for everybody\tYours, in this form'],
      [expect.stringMatching(/^Host name\tlab-\d+.example.com\tother.example.com\tleft as it is$/)],
      ['Operating system\tDebian 13\tFedora 43\tDebian 14'],
    ]);
  });

  test('overwrites with its own values, and leaves the rest as the other made it', async () => {
    const { id, page, conflict } = await overtake();
    await conflict.getByText('Overwriting saves operating system and leaves the rest as it is now.').waitFor();
    await conflict.getByRole('button', { name: 'Overwrite with mine' }).click();
    await page.getByText('Saved.').waitFor();
    expect(await read(id)).toMatchObject({ operatingSystem: 'Debian 14', hostname: 'other.example.com' });
  });

  test('or loads the current values', async () => {
    const { form, conflict } = await overtake();
    await conflict.getByRole('button', { name: 'Load the current values' }).click();
    await conflict.waitFor({ state: 'detached' });
    expect(await form.getByLabel('Operating system').inputValue()).toBe('Fedora 43');
    expect(await form.getByLabel('Host name').inputValue()).toBe('other.example.com');
  });
});

test('a workstation that is deleted says so wherever it is open', async () => {
  const { name, path } = await addWorkstation();
  const { page: other } = await console.open({ role: 'VIEWER', path });
  const { page } = await console.open({ role: 'OPERATOR', path });
  await other.getByRole('heading', { name }).waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page
    .getByRole('dialog', { name: `Delete ${name}?` })
    .getByRole('button', { name: 'Delete' })
    .click();
  await page.waitForURL(`${console.server.url}/`);
  await other.getByText('This workstation has been deleted.').waitFor();
});

test('an address of no workstation says so', async () => {
  const { page } = await console.open({ role: 'VIEWER', path: '/workstations/7' });
  await page.getByText('There is no workstation with this address.').waitFor();
});

test('a VIEWER is told why nothing can be changed', async () => {
  const { path } = await addWorkstation();
  const { page } = await console.open({ role: 'VIEWER', path });
  await page.getByText('Editing and deleting needs the role OPERATOR').waitFor();
  for (const name of ['Edit', 'Delete', "Revoke the agent's key"]) {
    expect(await page.getByRole('button', { name }).isDisabled()).toBe(true);
  }
});
