import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

const DOCS = new URL('../../../docs/', import.meta.url);

/** Writes `docs/screenshots/<name>.png` in a run with `SCREENSHOTS=on`, if `docs/console.md` shows it. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS !== 'on') return;
  const path = `screenshots/${name}.png`;
  if (!readFileSync(new URL('console.md', DOCS), 'utf8').includes(path)) return;
  await page.screenshot({ path: fileURLToPath(new URL(path, DOCS)), animations: 'disabled', caret: 'hide' });
}
