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

test('a folder in use by a running process is refused, with the process in the message', async () => {
  const alive = process.ppid;
  await lockDataFolder(folder).then((unlock) => unlock());
  await writeFile(`${folder}.lock`, String(alive));
  await expect(lockDataFolder(folder)).rejects.toThrow(
    `The embedded database in ${folder} is in use by process ${alive}. Stop it first.`,
  );
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
