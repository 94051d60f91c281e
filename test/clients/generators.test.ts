import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildClientSchema, printSchema } from 'graphql';
import { addRack, authorization, introspect, url } from './support.ts';
import { emptyFolder, folder, runTool } from './tools.ts';

/* What generators make of the schema is used, and compiled with `strict`. */

test('GraphQL Code Generator types documents with its client preset and strict scalars', async () => {
  await emptyFolder('codegen/generated/plain');
  await runTool('codegen', 'graphql-codegen');
  const { Fleet } = await import('./codegen/src/fleet.ts');
  const { tag, rows } = await addRack(1);
  const fleet = new Fleet(url, authorization);
  assert.equal(await fleet.setStatus(rows[0]!.id), 'MAINTENANCE');
  assert.deepEqual(await fleet.statuses(tag), ['MAINTENANCE']);
});

test('gql.tada types documents, from the schema of the running server', async () => {
  await emptyFolder('tada/generated');
  await runTool('tada', 'gql.tada', 'generate-schema', url, '--output', 'generated/schema.graphql');
  await runTool('tada', 'gql.tada', 'generate-output');
  await runTool('tada', 'gql.tada', 'check', '--fail-on-warn');
  const { readRack } = await import('./tada/src/fleet.ts');
  const { tag } = await addRack(2);
  assert.deepEqual(await readRack(url, tag), ['OFFLINE', 'OFFLINE']);
});

test('what they have generated compiles, and so do these tests', async () => {
  await runTool('.', 'tsc', '--project', '.');
});

const schema = join(folder, '../../schema.graphql');

test('graphql-inspector finds no difference between schema.graphql and the running server', async () => {
  const introspected = join(await emptyFolder('inspector/generated'), 'schema.graphql');
  await writeFile(introspected, printSchema(buildClientSchema(await introspect())));
  assert.match(await runTool('.', 'graphql-inspector', 'diff', schema, introspected), /No changes detected/);
});

test('graphql-inspector finds the documents of these tests valid', async () => {
  const documents = '{*.test.ts,codegen/src/*.ts,persisted/src/*.ts}';
  const found = await runTool('.', 'graphql-inspector', 'validate', documents, schema, '--deprecated');
  assert.match(found, /All documents are valid/);
});
