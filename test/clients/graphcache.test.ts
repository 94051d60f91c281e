import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type AnyVariables, Client, fetchExchange, gql, type OperationResult, subscriptionExchange } from '@urql/core';
import { type CacheExchangeOpts, cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { createClient } from 'graphql-ws';
import { addRack, authorization, changeUntil, introspect, Results, setStatus, socketUrl, url } from './support.ts';

const sockets = createClient({ url: socketUrl, connectionParams: { authorization } });
after(() => sockets.dispose());

/** With the server's schema the cache also finds interfaces, and refuses fields and types that do not exist. */
async function connect(options: Partial<CacheExchangeOpts>) {
  const warnings: string[] = [];
  const cache = cacheExchange({
    schema: (await introspect()) as any,
    // What has no id is part of what it was found in.
    keys: {
      FleetSummary: () => null,
      StatusCount: () => null,
      UsageSummary: () => null,
      WorkstationChange: () => null,
    },
    logger: (severity, message) => {
      if (severity !== 'debug') warnings.push(message);
    },
    ...options,
  });
  const subscriptions = subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink: any) => ({
        unsubscribe: sockets.subscribe({ query: query!, variables: variables as any }, sink),
      }),
    }),
  });
  const exchanges = [cache, fetchExchange, subscriptions];
  return { warnings, client: new Client({ url, exchanges, fetchOptions: { headers: { authorization } } }) };
}

const RACK = gql`
  query Rack($tag: String!, $after: String) {
    workstations(filter: { tags: [$tag] }, first: 2, after: $after) {
      nodes { id name status }
      edges { cursor node { id name status } }
      pageInfo { hasNextPage endCursor hasPreviousPage startCursor }
    }
  }
`;

type Result = OperationResult<any, AnyVariables>;

test('graphcache reads a row that a list has brought by its id, with a schema, without asking again', async () => {
  const { client, warnings } = await connect({
    resolvers: { Query: { workstation: (_parent, { id }) => ({ __typename: 'Workstation', id: id as string }) } },
  });
  const { tag, rows } = await addRack(1);
  const list = await client.query(RACK, { tag }).toPromise();
  assert.equal(list.error, undefined);
  const one = client.readQuery(gql`query One($id: ID!) { workstation(id: $id) { id name } }`, { id: rows[0]!.id });
  assert.equal(one?.data.workstation.name, rows[0]!.name);
  const summary = gql`query ($tag: String!) {
    fleetSummary(filter: { tags: [$tag] }) { total byStatus { status count } cpuUsage { average } }
    node(id: "${rows[0]!.id}") { id ... on Workstation { name } }
  }`;
  const { data, error } = await client.query(summary, { tag }).toPromise();
  assert.equal(error, undefined);
  assert.deepEqual([data.fleetSummary.total, data.node.name], [1, rows[0]!.name]);
  assert.deepEqual(warnings, []);
});

test('graphcache joins the pages of a list with relayPagination', async () => {
  const { client, warnings } = await connect({ resolvers: { Query: { workstations: relayPagination() } } });
  const { tag, rows } = await addRack(5);
  let after: string | null = null;
  let page: Result;
  do {
    page = await client.query(RACK, { tag, after }).toPromise();
    assert.equal(page.error, undefined);
    after = page.data.workstations.pageInfo.endCursor;
  } while (page.data.workstations.pageInfo.hasNextPage);
  assert.deepEqual(
    page.data.workstations.edges.map(({ node }: any) => node.id),
    rows.map(({ id }) => id),
  );
  assert.deepEqual(warnings, []);
});

test('graphcache removes a row that an event says is deleted, by an entry in updates', async () => {
  const { client, warnings } = await connect({
    updates: {
      Subscription: {
        workstationChanged: ({ workstationChanged: { kind, id } }: any, _args, cache) => {
          if (kind === 'DELETED') cache.invalidate({ __typename: 'Workstation', id });
        },
      },
    },
  });
  const { tag, rows } = await addRack(2);
  const results = new Results<Result>();
  const watched = client.query(RACK, { tag }).subscribe(results.observer.next);
  await results.until(({ data }) => data.workstations.nodes.length === 2);
  const events = new Results<Result>();
  const changes = gql`subscription ($tag: String!) { workstationChanged(filter: { tags: [$tag] }) { kind id workstation { id status } } }`;
  const subscribed = client.subscription(changes, { tag }).subscribe(events.observer.next);
  await changeUntil(
    rows[0]!.id,
    events.until(() => true),
  );
  await setStatus(rows[0]!.id, 'ERROR');
  await results.until(({ data }) => data.workstations.nodes[0].status === 'ERROR');
  const deletion = gql`mutation ($id: ID!) { deleteWorkstation(id: $id) }`;
  await client.mutation(deletion, { id: rows[0]!.id }).toPromise();
  const { data } = await results.until(({ data }) => data.workstations.nodes.length === 1);
  assert.equal(data.workstations.nodes[0].id, rows[1]!.id);
  subscribed.unsubscribe();
  watched.unsubscribe();
  assert.deepEqual(warnings, []);
});
