import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';
import { buildSchema, parse, validate } from 'graphql';
import relay, { type GraphQLResponse, type RequestParameters, type Variables } from 'relay-runtime';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';
import { compileRelay, emptyFolder, folder, runTool } from './tools.ts';

/* The lists that build tools write, each for a server that executes the documents on its list only. */

const require = createRequire(import.meta.url);

let data: string;
let server: ServerProcess;
let url: string;

before(async () => {
  data = await mkdtemp(join(tmpdir(), 'stationmaster-persisted-'));
  await writeFile(join(data, 'list.json'), '{}');
  server = startServer({
    DATA_DIR: join(data, 'database'),
    LOG_LEVEL: 'info',
    PERSISTED_QUERIES: 'only',
    PERSISTED_QUERIES_FILE: join(data, 'list.json'),
  });
  url = `${await server.untilReady()}/graphql`;
});

after(async () => {
  await server.destroy();
  await rm(data, { recursive: true });
});

/** Deploys a list, as the build of a front-end does: the running server reads it again. */
async function deploy(list: string): Promise<void> {
  const before = server.output.length;
  await copyFile(list, join(data, 'list.json'));
  await until(async () => server.output.slice(before).includes('persisted queries read again'), Boolean);
  const refused = await post({ query: '{ workstations { totalCount nodes { id } } }' });
  assert.equal(refused.errors[0].extensions.code, 'PERSISTED_QUERY_NOT_IN_LIST');
}

async function post(body: object): Promise<any> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

test('Apollo Client, with the manifest of generate-persisted-query-manifest', async () => {
  const list = join(await emptyFolder('persisted/generated'), 'manifest.json');
  await runTool('persisted', 'generate-persisted-query-manifest');
  const { FLEET } = await import('./persisted/src/fleet.ts');
  await deploy(list);
  const loadManifest = async () => JSON.parse(await readFile(list, 'utf8'));
  const ids = new PersistedQueryLink(generatePersistedQueryIdsFromManifest({ loadManifest }));
  const link = ids.concat(new HttpLink({ uri: url }));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const { data } = await client.query<any>({ query: FLEET, variables: { filter: { nameContains: 'lab' } } });
  assert.deepEqual(data.workstations.nodes, []);
});

test('Relay, with the file of persistConfig', async () => {
  await compileRelay('by-id');
  const { Environment, fetchQuery, Network, RecordSource, Store } = relay;
  await deploy(join(folder, 'relay/generated/by-id/queries.json'));
  const send = async ({ id, text }: RequestParameters, variables: Variables) => {
    assert.equal(text, null);
    return (await post({ doc_id: id, variables })) as GraphQLResponse;
  };
  const environment = new Environment({ network: Network.create(send), store: new Store(new RecordSource()) });
  const query = require('./relay/generated/by-id/fleetManagerQuery.graphql.js');
  const variables = { id: '01a226f5-1b30-74ed-b20d-9d4ce2c54ce2' };
  assert.deepEqual(await fetchQuery<any>(environment, query, variables).toPromise(), { manager: null });
});

test('GraphQL Code Generator, with persistedDocuments of its client preset', async () => {
  await emptyFolder('codegen/generated/persisted');
  await runTool('codegen', 'graphql-codegen', '--config', 'persisted.ts');
  const { RackDocument }: any = await import(`${folder}codegen/generated/persisted/graphql.ts`);
  await deploy(join(folder, 'codegen/generated/persisted/persisted-documents.json'));
  const { hash } = RackDocument.__meta__;
  const variables = { filter: { tags: ['lab'] } };
  for (const named of [{ documentId: hash }, { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } }]) {
    assert.deepEqual(await post({ ...named, variables }), { data: { workstations: { totalCount: 0, nodes: [] } } });
  }
});

test('the list of examples/persisted-documents.json', async () => {
  const list = join(folder, '../../examples/persisted-documents.json');
  const schema = buildSchema(await readFile(join(folder, '../../schema.graphql'), 'utf8'));
  const documents: Record<string, string> = JSON.parse(await readFile(list, 'utf8'));
  for (const text of Object.values(documents)) assert.deepEqual(validate(schema, parse(text)), []);
  await deploy(list);
  const { data } = await post({ documentId: 'fleet' });
  assert.deepEqual(data.workstations.nodes, []);
});
