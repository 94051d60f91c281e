import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ClientError, GraphQLClient, gql, request } from 'graphql-request';
import { createClient as createStreams } from 'graphql-sse';
import { createClient as createSockets } from 'graphql-ws';
import { addRack, addWorkstation, authorization, changeUntil, Results, setStatus, socketUrl, url } from './support.ts';

const RACK = gql`query Rack($tag: String!) { workstations(filter: { tags: [$tag] }) { totalCount nodes { id status } } }`;
const LIVE_RACK = RACK.replace('{', '@live {');
const CHANGES = gql`
  subscription Changes($tag: String!) { workstationChanged(filter: { tags: [$tag] }) { kind workstation { status } } }
`;
const SET_STATUS = gql`
  mutation SetStatus($id: ID!, $status: WorkstationStatus!) {
    updateWorkstation(id: $id, input: { status: $status }) { status }
  }
`;

test('graphql-request queries without a token, and changes with one', async () => {
  const { tag, rows } = await addRack(1);
  const client = new GraphQLClient(url, { headers: { authorization } });
  await client.request(SET_STATUS, { id: rows[0]!.id, status: 'ERROR' });
  const { workstations } = await request<any>(url, RACK, { tag });
  assert.deepEqual(workstations, { totalCount: 1, nodes: [{ id: rows[0]!.id, status: 'ERROR' }] });
});

test('graphql-request tells the code of an error', async () => {
  await assert.rejects(request(url, SET_STATUS, { id: '0', status: 'ERROR' }), (error: ClientError) => {
    assert.equal(error.response.errors?.[0]?.extensions.code, 'UNAUTHENTICATED');
    return true;
  });
});

const sockets = createSockets({ url: socketUrl, connectionParams: { authorization } });
const streams = createStreams({ url, headers: { authorization } });
after(() => Promise.all([sockets.dispose(), streams.dispose()]));

for (const [name, client] of [
  ['graphql-ws', sockets],
  ['graphql-sse', streams],
] as const) {
  test(`${name} queries and changes`, async () => {
    const { rows } = await addRack(1);
    const [id, status] = [rows[0]!.id, 'MAINTENANCE'];
    for await (const { data } of client.iterate<any>({ query: SET_STATUS, variables: { id, status } })) {
      assert.deepEqual(data, { updateWorkstation: { status } });
    }
    const query = `{ workstation(id: "${id}") { status } }`;
    for await (const { data } of client.iterate<any>({ query })) assert.deepEqual(data, { workstation: { status } });
  });

  test(`${name} subscribes`, async () => {
    const { tag, rows } = await addRack(1);
    const events = new Results<any>();
    const stop = client.subscribe({ query: CHANGES, variables: { tag } }, events.observer as never);
    await changeUntil(
      rows[0]!.id,
      events.until(() => true),
    );
    await setStatus(rows[0]!.id, 'ERROR');
    await events.until(({ data }) => data.workstationChanged.workstation.status === 'ERROR');
    stop();
  });

  test(`${name} receives a live query's answers`, async () => {
    const { tag } = await addRack(1);
    const answers = new Results<any>();
    const stop = client.subscribe({ query: LIVE_RACK, variables: { tag } }, answers.observer as never);
    await answers.until(({ data }) => data.workstations.totalCount === 1);
    await addWorkstation(tag);
    await answers.until(({ data }) => data.workstations.totalCount === 2);
    stop();
  });
}
