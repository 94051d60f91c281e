import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { addRack, addWorkstation, authorization, changeUntil, Results, setStatus, socketUrl, url } from './support.ts';

const sockets = createClient({ url: socketUrl, connectionParams: { authorization } });
after(() => sockets.dispose());

const overHttp = () => new HttpLink({ uri: url, headers: { authorization } });
const connect = (link: ApolloLink = overHttp()) => new ApolloClient({ link, cache: new InMemoryCache() });

const RACK = gql`
  query Rack($tag: String!) {
    workstations(filter: { tags: [$tag] }) { totalCount nodes { id name status } }
  }
`;
const SET_STATUS = gql`
  mutation SetStatus($id: ID!, $status: WorkstationStatus!) {
    updateWorkstation(id: $id, input: { status: $status }) { id status }
  }
`;
const CHANGES = gql`
  subscription Changes($tag: String!) {
    workstationChanged(filter: { tags: [$tag] }) { kind id workstation { id status } }
  }
`;
const LIVE_RACK = gql`
  query LiveRack($tag: String!) @live {
    workstations(filter: { tags: [$tag] }) { nodes { id status } }
  }
`;

type Status = { id: string; status: string };
type RackData = { workstations: { totalCount: number; nodes: Status[] } };

test('Apollo Client shows what a mutation answered in the query that watches the row', async () => {
  const client = connect();
  const { tag, rows } = await addRack(2);
  const results = new Results<ApolloClient.QueryResult<RackData>>();
  const watched = client.watchQuery<RackData>({ query: RACK, variables: { tag } }).subscribe(results.observer as never);
  const { data } = await results.until((result) => result.data !== undefined);
  assert.equal(data?.workstations.totalCount, 2);
  await client.mutate({ mutation: SET_STATUS, variables: { id: rows[0]!.id, status: 'MAINTENANCE' } });
  const { data: after } = await results.until((result) => result.data?.workstations.nodes[0]?.status === 'MAINTENANCE');
  assert.equal(after?.workstations.nodes[1]?.status, 'OFFLINE');
  watched.unsubscribe();
});

for (const [how, link] of [
  ['a WebSocket', new GraphQLWsLink(sockets)],
  ['multipart HTTP', overHttp()],
] as const) {
  test(`Apollo Client subscribes over ${how}, and its cache follows the events`, async () => {
    const client = connect(
      ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION, link, overHttp()),
    );
    const { tag, rows } = await addRack(1);
    await client.query({ query: RACK, variables: { tag } });
    const events = new Results<ApolloClient.SubscribeResult<any>>();
    const subscribed = client.subscribe<any>({ query: CHANGES, variables: { tag } }).subscribe(events.observer);
    await changeUntil(
      rows[0]!.id,
      events.until(() => true),
    );
    await setStatus(rows[0]!.id, 'ERROR');
    const { data } = await events.until(({ data }) => data?.workstationChanged.workstation?.status === 'ERROR');
    assert.deepEqual([data.workstationChanged.kind, data.workstationChanged.id], ['UPDATED', rows[0]!.id]);
    assert.equal(
      client.readQuery<RackData>({ query: RACK, variables: { tag } })?.workstations.nodes[0]?.status,
      'ERROR',
    );
    subscribed.unsubscribe();
    client.stop();
  });
}

const isLive = ({ query }: ApolloLink.Operation) =>
  getMainDefinition(query).directives?.some(({ name }) => name.value === 'live') === true;

for (const [how, link, context] of [
  ['a WebSocket', ApolloLink.split(isLive, new GraphQLWsLink(sockets), overHttp()), {}],
  ['multipart HTTP', overHttp(), { headers: { accept: 'multipart/mixed;subscriptionSpec=1.0' } }],
] as const) {
  test(`Apollo Client renders a live query over ${how} anew with each change, rows that are added too`, async () => {
    const client = connect(link);
    const { tag, rows } = await addRack(1);
    const results = new Results<ApolloClient.QueryResult<RackData>>();
    const watched = client
      .watchQuery<RackData>({ query: LIVE_RACK, variables: { tag }, context })
      .subscribe(results.observer as never);
    await results.until(({ data }) => data?.workstations.nodes.length === 1);
    await setStatus(rows[0]!.id, 'ONLINE');
    await results.until(({ data }) => data?.workstations.nodes[0]?.status === 'ONLINE');
    await addWorkstation(tag);
    await results.until(({ data }) => data?.workstations.nodes.length === 2);
    watched.unsubscribe();
    client.stop();
  });
}

for (const useGETForHashedQueries of [false, true]) {
  test(`Apollo Client registers a query by its hash (GET for hashes: ${useGETForHashedQueries})`, async () => {
    // A text that the server cannot know.
    const alias = `x${randomUUID().replaceAll('-', '')}`;
    const query = gql`query Rack($tag: String!) { workstations(filter: { tags: [$tag] }) { totalCount ${alias}: totalCount } }`;
    const sent: string[] = [];
    const http = new HttpLink({
      uri: url,
      fetch: (input, init) => {
        sent.push(`${init?.method} ${`${input}${init?.body}`.includes(alias) ? 'text' : 'hash'}`);
        return fetch(input, init);
      },
    });
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const client = connect(new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(http));
    const { tag } = await addRack(1);
    for (let turn = 0; turn < 2; turn++) {
      const { data } = await client.query<RackData>({ query, variables: { tag }, fetchPolicy: 'network-only' });
      assert.equal(data?.workstations.totalCount, 1);
    }
    const byHash = useGETForHashedQueries ? 'GET hash' : 'POST hash';
    assert.deepEqual(sent, [byHash, 'POST text', byHash]);
  });
}
