import { useConsole } from './support/index.ts';

const console = useConsole({ fleet: 'off' });

async function enroll(token: string, machine: string) {
  const input = {
    hostname: `${machine}.example.com`,
    ipAddress: '10.0.0.1',
    machineId: machine,
    operatingSystem: 'Debian 13',
  };
  return console.server.ask(
    'mutation ($token: String!, $input: EnrollAgentInput!) { enrollAgent(token: $token, input: $input) { key workstation { id name } } }',
    { variables: { token, input }, role: null },
  );
}

/** Reports as the agent with the key does. @returns the code of the error, or `null` */
async function report(key: string, workstationId: string): Promise<string | null> {
  const response = await fetch(`${console.server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({
      query: 'mutation ($id: ID!) { reportTelemetry(readings: [{ workstationId: $id, cpuUsage: 1 }]) { stored } }',
      variables: { id: workstationId },
    }),
  });
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return errors?.[0]?.extensions.code ?? null;
}

test('a token is created, shown once, copied, used, and revoked; and so is the key of an agent', async () => {
  const { page } = await console.open({ role: 'ADMIN', path: '/agents' });
  await page.getByText('There is no token yet.').waitFor();
  await page.getByRole('button', { name: 'Create a token' }).click();
  await page.getByLabel('Label').fill('Lab Berlin');
  await page.getByLabel('Machines').fill('2');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const shown = page.getByRole('dialog', { name: 'Copy the token now' });
  const token = await shown.getByLabel('Token', { exact: true }).inputValue();
  expect(token).toMatch(/^sme_/);
  await shown.getByRole('button', { name: 'Copy the command' }).click();
  await shown.getByText('Copied').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    `npm run agent -- --url ${console.server.url} --enroll ${token}`,
  );
  await shown.getByRole('button', { name: 'Done' }).click();
  expect(await page.content()).not.toContain(token);

  const enrolled = (await enroll(token, 'berlin-1')).data.enrollAgent;
  const row = page.getByRole('row', { name: /Lab Berlin/ });
  await row.getByText('1 of 2').waitFor();
  await row.getByText('Usable').waitFor();
  await page.getByRole('button', { name: 'Revoke Lab Berlin' }).click();
  await page.getByRole('dialog', { name: 'Revoke “Lab Berlin”?' }).getByRole('button', { name: 'Revoke' }).click();
  await row.getByText('Revoked').waitFor();
  expect((await enroll(token, 'berlin-2')).errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');

  expect(await report(enrolled.key, enrolled.workstation.id)).toBeNull();
  await page.getByLabel('Find a workstation by name or host name').fill('berlin');
  const revokeKey = `Revoke the key of ${enrolled.workstation.name}`;
  await page.getByRole('button', { name: revokeKey }).click();
  await page
    .getByRole('dialog', { name: `${revokeKey}?` })
    .getByRole('button', { name: 'Revoke' })
    .click();
  await page.getByText(`The key of ${enrolled.workstation.name} was revoked.`).waitFor();
  expect(await report(enrolled.key, enrolled.workstation.id)).toBe('UNAUTHENTICATED');
});

test('what the API refuses is said at its field, and the input stays', async () => {
  const { page } = await console.open({ role: 'ADMIN', path: '/agents' });
  await page.getByRole('button', { name: 'Create a token' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create a token' });
  await dialog.getByLabel('Label').fill('Lab');
  await dialog.getByLabel('Machines').fill('5000');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.getByRole('alert').waitFor();
  expect(await dialog.getByLabel('Machines').getAttribute('aria-invalid')).toBe('true');
  expect(await dialog.getByLabel('Machines').inputValue()).toBe('5000');
  expect(await dialog.getByLabel('Label').inputValue()).toBe('Lab');
});

test('an OPERATOR is not offered the page, and is told why if they open it', async () => {
  const { page, requests } = await console.open({ role: 'OPERATOR', path: '/agents' });
  await page.getByText('Managing agents needs the role ADMIN').waitFor();
  expect(await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Agents' }).count()).toBe(0);
  expect((await requests()).filter(({ path }) => path === '/graphql')).toEqual([]);
});
