import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createTemplate } from '../../../src/testing/test-database.ts';
import { chromiumPath } from './chromium.ts';

/** Builds server and console as `npm start` does, and migrates the template of the databases once. */
export default async function setUp(): Promise<void> {
  findChromium();
  const { status, error } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`The build failed with exit code ${status}.`);
  await createTemplate();
}

function findChromium(): void {
  try {
    accessSync(chromiumPath, constants.X_OK);
  } catch {
    throw new Error(`There is no Chromium at ${chromiumPath}. Install it, or name its program in CHROMIUM.`);
  }
}
