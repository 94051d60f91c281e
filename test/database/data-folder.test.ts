import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataFolder } from '../../src/database/data-folder.ts';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'stationmaster-')), 'pglite');
});

afterEach(() => rm(join(folder, '..'), { recursive: true }));

test('a folder that a living process has is refused, and the process is named', async () => {
  const alive = process.ppid;
  await lockDataFolder(folder).then((unlock) => unlock());
  await writeFile(`${folder}.lock`, String(alive));
  await expect(lockDataFolder(folder)).rejects.toThrow(
    `The embedded database in ${folder} is in use by process ${alive}. Stop it first.`,
  );
});

test('a folder that was let go of can be taken again', async () => {
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
