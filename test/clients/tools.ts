import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder = fileURLToPath(new URL('.', import.meta.url));

/** Empties a folder named `generated`, which git ignores, or one inside it. Each file of tests has folders of its own. */
export async function emptyFolder(name: string): Promise<string> {
  const path = join(folder, name);
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  return path;
}

/** Runs a program of this package in the folder `name`, as a script of its package.json would. */
export function runTool(name: string, program: string, ...args: string[]): Promise<string> {
  return run(name, join(folder, 'node_modules/.bin', program), ...args);
}

/**
 * Runs a program in the folder `name`.
 * @returns what it printed
 * @throws with all its output when it fails
 */
export function run(name: string, program: string, ...args: string[]): Promise<string> {
  const options = { cwd: join(folder, name), maxBuffer: 2 ** 24 };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout + stderr);
    });
  });
}

/** Compiles the documents of relay/src into artifacts in relay/generated, with one of the two configurations there. */
export async function compileRelay(name: 'by-text' | 'by-id'): Promise<void> {
  const artifacts = await emptyFolder(`relay/generated/${name}`);
  // The compiler adds to the list, and wants one to begin with.
  if (name === 'by-id') await writeFile(join(artifacts, 'queries.json'), '{}');
  await runTool('relay', 'relay-compiler', `${name}.config.json`);
}
