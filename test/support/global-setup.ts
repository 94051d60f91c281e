import { spawnSync } from 'node:child_process';
import { createTemplate } from '../../src/testing/test-database.ts';
import { startTestServer } from './test-server.ts';

/**
 * Builds `src` once for the tests that start processes, starts the database server that the run may ask for, and migrates the
 * template of all test databases once.
 */
export default async function setUp(): Promise<void> {
  build();
  await startTestServer();
  await createTemplate();
}

/** Type errors are printed but do not stop the tests: the compiler writes the build anyway. */
function build(): void {
  const commands = [
    ['node_modules/.bin/tsc', '-p', 'tsconfig.build.json'],
    [process.execPath, 'build/bundle.ts'],
  ] as const;
  for (const [command, ...args] of commands) {
    const { error } = spawnSync(command, args, { stdio: 'inherit' });
    if (error) throw error;
  }
}
