import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type AnyVariables,
  Client,
  cacheExchange,
  fetchExchange,
  gql,
  type OperationResult,
  type SubscriptionOperation,
  subscriptionExchange,
} from '@urql/core';
import { createClient } from 'graphql-ws';
import { addRack, addWorkstation, authorization, changeUntil, Results, setStatus, socketUrl, url } from './support.ts';

const sockets = createClient({ url: socketUrl, connectionParams: { authorization } });
after(() => sockets.dispose());

const forwardSubscription = ({ query, variables }: SubscriptionOperation) => ({
  subscribe: (sink: any) => ({ unsubscribe: sockets.subscribe({ query: query!, variables: variables as any }, sink) }),
});
const connect = (
  exchanges = [cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription })],
  options = {},
) => new Client({ url, exchanges, fetchOptions: { headers: { authorization } }, ...options });

const RACK = gql`
  query Rack($tag: String!) {
    workstations(filter: { tags: [$tag] }) { totalCount nodes { id status } }
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

type Result = OperationResult<any, AnyVariables>;
const statuses = ({ data, error }: Result): string[] => {
  if (error) throw error;
  return data.workstations.nodes.map(({ status }: { status: string }) => status);
};

test('urql asks again for what a mutation may have changed', async () => {
  const client = connect();
  const { tag, rows } = await addRack(2);
  const results = new Results<Result>();
  const watched = client.query(RACK, { tag }).subscribe(results.observer.next);
  await results.until((result) => statuses(result).join() === 'OFFLINE,OFFLINE');
  const { error } = await client.mutation(SET_STATUS, { id: rows[1]!.id, status: 'MAINTENANCE' }).toPromise();
  assert.equal(error, undefined);
  await results.until((result) => statuses(result).join() === 'OFFLINE,MAINTENANCE');
  watched.unsubscribe();
});

test('urql reads without a token, in a page that may call the API', async () => {
  const client = connect(undefined, { fetchOptions: { headers: { origin: 'http://localhost:5173' } } });
  const { tag } = await addRack(1);
  assert.deepEqual(statuses(await client.query(RACK, { tag }).toPromise()), ['OFFLINE']);
});

for (const [how, client] of [
  ['graphql-ws', connect()],
  ['fetch, without another package', connect([cacheExchange, fetchExchange], { fetchSubscriptions: true })],
] as const) {
  test(`urql subscribes over ${how}`, async () => {
    const { tag, rows } = await addRack(1);
    const events = new Results<Result>();
    const subscribed = client.subscription(CHANGES, { tag }).subscribe(events.observer.next);
    await changeUntil(
      rows[0]!.id,
      events.until(() => true),
    );
    await setStatus(rows[0]!.id, 'ERROR');
    const { data } = await events.until(({ data }) => data?.workstationChanged.workstation.status === 'ERROR');
    assert.deepEqual([data.workstationChanged.kind, data.workstationChanged.id], ['UPDATED', rows[0]!.id]);
    subscribed.unsubscribe();
  });
}

test('urql renders a live query anew with each change, rows that are added too', async () => {
  const live = subscriptionExchange({
    forwardSubscription,
    enableAllOperations: false,
    isSubscriptionOperation: ({ query, kind }) =>
      kind === 'subscription' ||
      query.definitions.some(
        (d) => d.kind === 'OperationDefinition' && d.directives?.some((x) => x.name.value === 'live'),
      ),
  });
  const client = connect([cacheExchange, live, fetchExchange]);
  const { tag, rows } = await addRack(1);
  const results = new Results<Result>();
  const watched = client.query(LIVE_RACK, { tag }).subscribe(results.observer.next);
  await results.until((result) => statuses(result).join() === 'OFFLINE');
  await setStatus(rows[0]!.id, 'ONLINE');
  await results.until((result) => statuses(result).join() === 'ONLINE');
  await addWorkstation(tag);
  await results.until((result) => statuses(result).join() === 'OFFLINE,ONLINE');
  watched.unsubscribe();
});
