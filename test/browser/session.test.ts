import { signToken } from '../../src/auth/tokens.ts';
import { eventually, type Page, useConsole } from './support/index.ts';

/* Signing in, what each role is offered, and the end of a session. */

describe('where reading needs a token', () => {
  const console = useConsole({ fleet: 'off', env: { ANONYMOUS_ROLE: 'none', LOG_LEVEL: 'debug' } });

  async function signIn(page: Page, token: string) {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in', exact: true }).last().click();
  }

  test('one signs in with a token, which no address and no log ever contains, and out again', async () => {
    const { page, context } = await console.open({ path: '/managers' });
    const addresses: string[] = [];
    context.on('request', (request) => addresses.push(request.url()));
    page.on('websocket', (socket) => addresses.push(socket.url()));
    const token = await console.server.token('ADMIN');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signIn(page, token);
    await page.getByText('There is no manager yet.').waitFor();
    await page.getByRole('link', { name: 'Agents' }).click();
    await page.getByText('There is no token yet.').waitFor();
    await page.reload();
    await page.getByText('There is no token yet.').waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length + document.cookie.length)).toBe(0);
    const signature = token.split('.')[2]!;
    expect([...addresses, page.url()].filter((address) => address.includes(signature))).toEqual([]);
    expect(console.server.output).toContain('AgentEnrollments');
    expect(console.server.output).not.toContain(signature);
  });

  test('the button of a role signs in with a token that the server makes', async () => {
    const { page } = await console.open({ path: '/' });
    await page.getByRole('button', { name: 'VIEWER' }).click();
    await page.getByRole('link', { name: 'Managers' }).waitFor();
    expect(await page.getByRole('link', { name: 'Agents' }).count()).toBe(0);
  });

  test('what is no token is refused at its field', async () => {
    const { page } = await console.open({ path: '/' });
    await signIn(page, 'let me in');
    expect(await page.getByRole('alert').textContent()).toMatch(/not a token/);
    expect(await page.getByLabel('Token').getAttribute('aria-invalid')).toBe('true');
    await signIn(page, await console.server.token('VIEWER', -10));
    await eventually(async () => expect(await page.getByRole('alert').textContent()).toMatch(/has expired/));
  });

  test('a token that the server refuses leads back to signing in', async () => {
    const { page } = await console.open({ path: '/', allow: [/status of 401/] });
    const secret = 'another secret than that of the server, of 32 bytes';
    await signIn(page, await signToken({ secret, roles: ['ADMIN'], subject: 'stranger', expiresInSeconds: 3600 }));
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    expect(await dialog.getByRole('alert').textContent()).toMatch(/The token's signature is not valid\.$/);
  });
});

describe('a session', () => {
  const console = useConsole({ fleet: 'still' });

  test('tells of its end before it comes, and goes on where it was after another sign-in', async () => {
    const { page } = await console.open({ role: 'OPERATOR', path: '/managers?text=ada', expiresInSeconds: 8 });
    await page.getByText('Your session ends in a few minutes.').waitFor();
    const row = page.getByRole('row', { name: /Ada Abebe/ });
    await row.waitFor();
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    expect(await row.isVisible()).toBe(true);
    await dialog.getByRole('button', { name: 'OPERATOR' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?text=ada');
    await page.getByRole('button', { name: 'Edit Ada Abebe' }).click();
    await page.getByRole('dialog', { name: 'Edit Ada Abebe' }).getByLabel('Name').fill('Ada A.');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Ada A. was saved.').waitFor();
  });

  test('does not go on showing what it may not see to the next one', async () => {
    const { page } = await console.open({ path: '/', allow: [/status of 403/] });
    await page.getByText('1,000 workstations').waitFor();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('dialog', { name: 'Sign in' }).getByRole('button', { name: 'MONITOR' }).click();
    await page.getByText('Your role does not allow this.').waitFor();
    await eventually(async () => {
      expect(await page.getByRole('row').count()).toBe(0);
      expect(await page.getByText('1,000 workstations').count()).toBe(0);
      expect(await page.getByRole('button', { name: /^\d+ Online/ }).count()).toBe(0);
    });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('1,000 workstations').waitFor();
  });

  test('of an AGENT is told that it may not look', async () => {
    const { page } = await console.open({ role: 'AGENT', path: '/managers', allow: [/status of 403/] });
    await page.getByText('Your role does not allow this.').waitFor();
  });
});
