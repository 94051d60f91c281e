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
 * Takes an embedded database's folder for this process and returns what lets go of it. A lock that a dead process left
 * behind is taken over, also when another process has its number by now.
 * @throws {StartError} while another process has it: two would destroy it
 * @throws the system's error when it cannot be written
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await makeWritable(resolve(folder));
  const path = `${folder}.lock`;
  // Written aside and then linked: the lock appears with its owner or not at all, and linking fails where there is one.
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
  const [pid = '', identity] = owner.split('\n');
  if (await isHeld(Number(pid), identity, folder)) {
    const message = `The embedded database in ${folder} is in use by process ${pid}. Stop it first.`;
    throw new StartError(EXIT_CODE.dataFolderInUse, message);
  }
  const removed = `${path}.${randomUUID()}`;
  await rename(path, removed).catch(() => {});
  // Another process may have taken it over first; then it is that one's.
  if ((await readOwner(removed)) !== owner) await linked(removed, path).catch(() => {});
  await rm(removed, { force: true, recursive: true });
}

function readOwner(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Whether the process that wrote the lock lives. Its number alone does not tell: numbers are given again. */
async function isHeld(pid: number, identity: string | undefined, folder: string): Promise<boolean> {
  // In a container that starts anew this process may have the very number of the one that died.
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

/** What no other process has: the boot of the system, and when in it the process began. Empty where Linux's /proc is not. */
async function identify(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name of the program comes second, in parentheses that may hold anything (proc_pid_stat(5)).
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME];
    return `${boot.trim()} ${startTicks}`;
  } catch {
    return '';
  }
}

/** The 22nd field, counted from the third. */
const START_TIME = 19;

/**
 * Whether the process has files of the folder open, as one that runs the database always has. For locks of older builds,
 * which hold nothing but a number. `null` where that cannot be seen.
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
