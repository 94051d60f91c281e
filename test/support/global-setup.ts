import { spawnSync } from 'node:child_process';
import { createTemplate } from '../../src/testing/test-database.ts';

/** Builds `src` once for the tests that start processes, and migrates the template of all test databases once. */
export default async function setUp(): Promise<void> {
  build();
  await createTemplate();
}

/** Type errors are printed but do not stop the tests: the compiler writes the build anyway. */
function build(): void {
  const { error } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  if (error) throw error;
}
