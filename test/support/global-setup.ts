import { spawnSync } from 'node:child_process';
import { createTemplate } from '../../src/testing/test-database.ts';

/** One build for all tests that start processes, and one migrated database that all test databases are copies of. */
export default async function setUp(): Promise<void> {
  build();
  await createTemplate();
}

/** Errors in types do not keep the tests from running: the compiler writes the build all the same. */
function build(): void {
  const { error } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  if (error) throw error;
}
