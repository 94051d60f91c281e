import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataFolder } from '../../src/database/data-folder.ts';
import { openDatabase } from '../../src/database/database.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { engine } from '../../src/testing/test-database.ts';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'stationmaster-')), 'pglite');
});

afterEach(() => rm(join(folder, '..'), { recursive: true }));

/** Another process of this machine. */
function startProcess(script = 'setInterval(() => {}, 1e6)'): ChildProcess {
  const child = spawn(process.execPath, ['-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

test('a folder in use by a running process is refused, with the process in the message', async () => {
  const holder = startProcess(`
    import('${new URL('../../dist/src/database/data-folder.js', import.meta.url)}')
      .then(({ lockDataFolder }) => lockDataFolder(process.argv[1]))
      .then(() => console.log('locked'));
    setInterval(() => {}, 1e6);`);
  await once(holder.stdout!, 'data');
  await expect(lockDataFolder(folder)).rejects.toThrow(
    `The embedded database in ${folder} is in use by process ${holder.pid}. Stop it first.`,
  );
});

test('a folder that a living process has by the lock of an older build is refused', async () => {
  await lockDataFolder(folder).then((unlock) => unlock());
  const holder = startProcess(`
    require('node:fs').openSync(process.argv[1] + '/1259', 'w');
    console.log('open');
    setInterval(() => {}, 1e6);`);
  await once(holder.stdout!, 'data');
  await writeFile(`${folder}.lock`, String(holder.pid));
  await expect(lockDataFolder(folder)).rejects.toThrow(`in use by process ${holder.pid}`);
});

test.each([
  ['written by this build', (pid: number) => `${pid}\n00000000-0000-0000-0000-000000000000 12345`],
  ['written by an older build', (pid: number) => String(pid)],
])('a lock %s whose process died is taken over although another process has its number', async (_case, lock) => {
  // Only Linux tells.
  if (!existsSync('/proc/self/stat')) return;
  await lockDataFolder(folder).then((unlock) => unlock());
  await writeFile(`${folder}.lock`, lock(startProcess().pid!));
  await expect(lockDataFolder(folder)).resolves.toEqual(expect.any(Function));
});

test('a released folder can be locked again', async () => {
  const unlock = await lockDataFolder(folder);
  await unlock();
  await expect(lockDataFolder(folder)).resolves.toEqual(expect.any(Function));
});

test.each([
  ['a process that is gone', '2147483646'],
  ['a process that died before it could say who it was', ''],
])('the lock of %s is taken over', async (_case, left) => {
  await lockDataFolder(folder).then((unlock) => unlock());
  await writeFile(`${folder}.lock`, left);
  await expect(lockDataFolder(folder)).resolves.toEqual(expect.any(Function));
});

// Runs with the services because creating a database is slow, although it needs no service.
const onServers = engine === 'postgresql' ? test : test.skip;

onServers('a database whose creation was killed is created again', async () => {
  await mkdir(`${folder}.new`, { recursive: true });
  await writeFile(join(`${folder}.new`, 'PG_VERSION'), '18\n');
  const database = await openDatabase({ kind: 'pglite', dataDir: folder }, { entities, migrations });
  expect(await database.query('one', 'select 1 as one', [])).toEqual([{ one: 1 }]);
  await database.close();
  expect(await readdir(join(folder, '..'))).toEqual(['pglite']);
});
