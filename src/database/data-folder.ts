import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';

/** Somebody else has the embedded database open: two processes would destroy it. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError';
}

/**
 * Takes an embedded database's folder for this process and returns what lets go of it. A lock that a dead process left
 * behind is taken over.
 * @throws {DataFolderInUseError} while another process has it
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const path = `${folder}.lock`;
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (isAlive(owner)) {
      throw new DataFolderInUseError(
        `The embedded database in ${folder} is in use by process ${owner}. Stop it first.`,
      );
    }
    await rm(path, { force: true });
  }
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
