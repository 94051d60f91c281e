import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const FOLDER = new URL('../../src/cache/', import.meta.url);

test('the example in the README runs and prints what its comments say', async () => {
  const readme = await readFile(new URL('README.md', FOLDER), 'utf8');
  const example = /```ts\n(.*?)```/s.exec(readme)![1]!;
  const code = example.replace("'./index.ts'", `'${new URL('index.ts', FOLDER)}'`);
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '--eval', code]);
  const expected = [...example.matchAll(/; \/\/ (.*)$/gm)].map(([, comment]) => comment);
  expect(stdout.trimEnd().split('\n')).toEqual(expected);
});
