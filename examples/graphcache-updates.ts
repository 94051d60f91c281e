import { Client, gql, subscriptionExchange } from '@urql/core';
import { type Cache, cacheExchange } from '@urql/exchange-graphcache';
import { createClient } from 'graphql-ws';

/* urql's graphcache follows the changes of the fleet by entries in `updates`, and asks again only for lists that may differ. */

const [url = 'http://127.0.0.1:4000/graphql', tag] = process.argv.slice(2);
const filter = tag === undefined ? {} : { tags: [tag] };
const sockets = createClient({ url: url.replace(/^http/, 'ws') });

function forgetLists(cache: Cache): void {
  for (const { fieldName, fieldKey } of cache.inspectFields('Query')) {
    if (fieldName === 'workstations' || fieldName === 'fleetSummary') cache.invalidate('Query', fieldKey);
  }
}

interface Change {
  workstationChanged: { kind: 'CREATED' | 'UPDATED' | 'DELETED' | 'ENTERED' | 'LEFT' | 'REFETCH'; id: string };
}

const client = new Client({
  url,
  exchanges: [
    cacheExchange({
      // What has no id of its own is part of what it was found in.
      keys: {
        FleetSummary: () => null,
        StatusCount: () => null,
        UsageSummary: () => null,
        WorkstationChange: () => null,
      },
      updates: {
        Mutation: {
          createWorkstation: (_result, _args, cache) => forgetLists(cache),
          deleteWorkstation: (_result, { id }, cache) =>
            cache.invalidate({ __typename: 'Workstation', id: id as string }),
        },
        Subscription: {
          // An updated row is in the cache already: the event has it.
          workstationChanged: (result, _args, cache) => {
            const { kind, id } = (result as unknown as Change).workstationChanged;
            if (kind === 'DELETED') cache.invalidate({ __typename: 'Workstation', id });
            if (kind !== 'UPDATED') forgetLists(cache);
          },
        },
      },
    }),
    // All operations go over one WebSocket, in order: the list is read after the subscription has begun, so nothing is missed.
    subscriptionExchange({
      enableAllOperations: true,
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: sockets.subscribe({ query, variables: variables as Record<string, unknown> }, sink),
        }),
      }),
    }),
  ],
});

const Changes = gql`
  subscription Changes($filter: WorkstationFilter) {
    workstationChanged(filter: $filter) { kind id workstation { id name status } }
  }
`;
const Newest = gql`
  query Newest($filter: WorkstationFilter) {
    workstations(first: 5, filter: $filter) { nodes { id name status } }
  }
`;

// What a component renders. Both go on until the program is stopped.
client.subscription(Changes, { filter }).subscribe(() => {});
client.query(Newest, { filter }).subscribe(({ data, error }) => {
  if (error) throw error;
  const rows: { name: string; status: string }[] = data.workstations.nodes;
  console.log(`Newest: ${rows.map(({ name, status }) => `${name} ${status}`).join(', ')}`);
});
