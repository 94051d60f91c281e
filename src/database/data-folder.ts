import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EXIT_CODE, StartError } from '../process/start-error.ts';

/**
 * Locks the folder of an embedded database for this process and returns a function that unlocks it. The lock of a dead
 * process is taken over, even if its process id has been reused.
 * @throws {StartError} if another process holds the lock: two processes would destroy the database
 * @throws the system's error if the folder is not writable
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await makeWritable(resolve(folder));
  const path = `${folder}.lock`;
  // The lock file is written under another name, then linked: it never exists without its owner, and only one link succeeds.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, [process.pid, await identify(process.pid)].join('\n'));
  try {
    while (!(await linked(draft, path))) await removeIfAbandoned(path, folder);
    return () => rm(path, { force: true });
  } finally {
    await rm(draft, { force: true });
  }
}

async function makeWritable(folder: string): Promise<void> {
  await makeFolder(folder);
  // The lock file is next to the folder.
  for (const path of [folder, dirname(folder)]) await access(path, constants.W_OK | constants.X_OK);
}

/** Without `recursive: true`, with which Node loops forever where nothing can be created, such as in /proc. */
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
  const [pid = '', identity] = owner.split('\n');
  if (await isHeld(Number(pid), identity, folder)) {
    const message = `The embedded database in ${folder} is in use by process ${pid}. Stop it first.`;
    throw new StartError(EXIT_CODE.dataFolderInUse, message);
  }
  const removed = `${path}.${randomUUID()}`;
  await rename(path, removed).catch(() => {});
  // Another process may have taken over the lock in the meantime. If so, put it back.
  if ((await readOwner(removed)) !== owner) await linked(removed, path).catch(() => {});
  await rm(removed, { force: true, recursive: true });
}

function readOwner(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Whether the process that wrote the lock is alive. Its id alone does not prove it, because ids are reused. */
async function isHeld(pid: number, identity: string | undefined, folder: string): Promise<boolean> {
  // In a restarted container, this process may have the same id as the one that died.
  if (!pid || pid === process.pid || !isAlive(pid)) return false;
  if (identity === undefined) return (await hasOpenFiles(pid, folder)) ?? true;
  const current = await identify(pid);
  return current === '' || identity === '' || current === identity;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Identifies a process uniquely: the boot id of the system and the start time of the process. Empty without Linux's /proc. */
async function identify(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, and may contain any character (proc_pid_stat(5)).
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME];
    return `${boot.trim()} ${startTicks}`;
  } catch {
    return '';
  }
}

/** Index of the 22nd field when counting from the third. */
const START_TIME = 19;

/**
 * Whether the process has files of the folder open, as a process running the database always does. Needed for locks of older
 * builds, which contain only a process id. `null` if it cannot be determined.
 */
async function hasOpenFiles(pid: number, folder: string): Promise<boolean | null> {
  try {
    const prefix = `${await realpath(folder)}/`;
    const descriptors = await readdir(`/proc/${pid}/fd`);
    const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    return paths.some((path) => path.startsWith(prefix));
  } catch {
    return null;
  }
}
