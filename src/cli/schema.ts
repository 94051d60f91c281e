import { readFile, writeFile } from 'node:fs/promises';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { features } from '../features/index.ts';
import { createSchema } from '../graphql/schema.ts';

/** Writes the schema to `schema.graphql`. With `--check` it only says whether the file is up to date. */
const path = 'schema.graphql';
const printed = `${printSchema(lexicographicSortSchema(createSchema(features)))}\n`;

if (process.argv.includes('--check')) {
  const isUpToDate = (await readFile(path, 'utf8').catch(() => '')) === printed;
  console.log(isUpToDate ? `${path} is up to date.` : `${path} is out of date: run npm run schema and commit it.`);
  process.exitCode = isUpToDate ? 0 : 1;
} else {
  await writeFile(path, printed);
  console.log(`${path} was written.`);
}
