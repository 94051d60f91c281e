import { randomUUID } from 'node:crypto';
import { access, constants, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EXIT_CODE, StartError } from '../process/start-error.ts';

/**
 * Takes an embedded database's folder for this process and returns what lets go of it. A lock that a dead process left
 * behind is taken over.
 * @throws {StartError} while another process has it: two would destroy it
 * @throws the system's error when it cannot be written
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await makeWritable(resolve(folder));
  const path = `${folder}.lock`;
  // Written aside and then linked: the lock appears with its owner or not at all, and linking fails where there is one.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, String(process.pid));
  try {
    while (!(await linked(draft, path))) await removeIfAbandoned(path, folder);
    return () => rm(path, { force: true });
  } finally {
    await rm(draft, { force: true });
  }
}

async function makeWritable(folder: string): Promise<void> {
  await makeFolder(folder);
  // The lock stands beside the folder.
  for (const path of [folder, dirname(folder)]) await access(path, constants.W_OK | constants.X_OK);
}

/** Not by `recursive`, with which Node never ends where the system says that nothing can be made at all, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfAbandoned(path: string, folder: string): Promise<void> {
  const owner = await readOwner(path);
  if (isAlive(Number(owner))) {
    const message = `The embedded database in ${folder} is in use by process ${owner}. Stop it first.`;
    throw new StartError(EXIT_CODE.dataFolderInUse, message);
  }
  const removed = `${path}.${randomUUID()}`;
  await rename(path, removed).catch(() => {});
  // Somebody else may have been quicker to take it over; then it is theirs.
  if ((await readOwner(removed)) !== owner) await linked(removed, path).catch(() => {});
  await rm(removed, { force: true });
}

function readOwner(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

function isAlive(pid: number): boolean {
  // In a container that starts anew this process may have the very number of the one that died.
  if (!pid || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
