import { eventually, type Page, useConsole } from './support/index.ts';

/* The console without a mouse. */

const console = useConsole({ fleet: 'off' });

/** What has the focus, as a screen reader names it. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const label = (element as HTMLInputElement).labels?.[0]?.textContent;
    return (element.getAttribute('aria-label') ?? label ?? element.textContent ?? '').trim();
  });
}

/** At the end of the page the browser itself has the focus, and then the body seems to. */
function isFocusVisible(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const element = document.activeElement!;
    return element === document.body || getComputedStyle(element).outlineStyle !== 'none';
  });
}

/** Presses Tab until the element with this name has the focus, once it is there. Each stop on the way must be visible. */
async function tabTo(page: Page, name: string): Promise<void> {
  const named = { name, exact: true };
  const button = page.getByRole('button', named);
  await button
    .or(page.getByRole('link', named))
    .or(page.getByRole('textbox', named))
    .first()
    .waitFor({ state: 'attached' });
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    const label = await focused(page);
    expect([label, await isFocusVisible(page)]).toEqual([label, true]);
    if (label === name) return;
  }
  throw new Error(`No Tab leads to ${name}.`);
}

test('one skips the navigation, adds a manager, is told of an error, and comes back to the button', async () => {
  const { page } = await console.open({ role: 'OPERATOR', path: '/', allow: [/status of 400/] });
  await page.getByRole('heading', { level: 1 }).waitFor();
  await tabTo(page, 'Skip to the content');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('content');

  await page.reload();
  await tabTo(page, 'Managers');
  await page.keyboard.press('Enter');
  await page.getByText('There is no manager yet.').waitFor();
  await tabTo(page, 'Add a manager');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Add a manager' });
  await dialog.waitFor();
  await tabTo(page, 'Name');
  await page.keyboard.type('Ada Lovelace');
  await tabTo(page, 'Email');
  await page.keyboard.type('nowhere');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').waitFor();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('ada@example.com');
  await page.keyboard.press('Enter');
  await page.getByText('Ada Lovelace was added.').waitFor();
  await dialog.waitFor({ state: 'detached' });
  expect(await focused(page)).toBe('Add a manager');

  await tabTo(page, 'Delete Ada Lovelace');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Delete Ada Lovelace?' }).waitFor();
  await page.keyboard.press('Escape');
  await eventually(async () => expect(await focused(page)).toBe('Delete Ada Lovelace'));
  await page.keyboard.press('Enter');
  await tabTo(page, 'Delete');
  await page.keyboard.press('Enter');
  await page.getByText('There is no manager yet.').waitFor();
});

test('a dialog keeps the focus until it is closed', async () => {
  const { page } = await console.open({ role: 'ADMIN', path: '/agents' });
  await tabTo(page, 'Create a token');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Create a token' });
  await dialog.waitFor();
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press('Tab');
    const isInside = await dialog.evaluate(
      (element) => element.contains(document.activeElement) || document.activeElement === document.body,
    );
    expect(isInside).toBe(true);
  }
});
