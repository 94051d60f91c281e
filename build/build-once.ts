import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';

/** Names the files that a folder was built from. Written last, so that half a build does not count. */
const STAMP = '.inputs';

/** A folder that is built from files. */
export interface BuiltFolder {
  readonly folder: string;
  /** Every file that the build reads, without packages: those of package-lock.json always count. */
  readonly inputs: readonly string[];
  /** Builds into `draft`, a folder beside the final one that may not exist yet. */
  readonly build: (draft: string) => Promise<unknown>;
}

const ROOT = join(import.meta.dirname, '..');

/**
 * Builds the folder, unless a build of the same files is there: commands, tests and checks ask for it often. A server that
 * starts meanwhile reads one build or the other, and never half of one.
 */
export async function buildOnce({ folder, inputs, build }: BuiltFolder): Promise<void> {
  const stamp = await hashOf([join(ROOT, 'package-lock.json'), import.meta.filename, ...inputs]);
  if ((await readFile(join(folder, STAMP), 'utf8').catch(() => '')) === stamp) return;
  const draft = join(dirname(folder), `.${basename(folder)}-${process.pid}`);
  try {
    await build(draft);
    await writeFile(join(draft, STAMP), stamp);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** All files below a folder, without packages, built files and hidden ones. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter(({ name }) => name !== 'node_modules' && name !== 'dist' && !name.startsWith('.'))
      .map((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? listFiles(path) : [path];
      }),
  );
  return found.flat().sort();
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${relative(ROOT, path)}\0`).update(await readFile(path));
  return hash.digest('hex');
}
