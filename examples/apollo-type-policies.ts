import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';

/*
 * Apollo Client joins the pages of a list. A list is told from another one by its filter and order, not by where a page
 * begins; relayStylePagination puts each page behind the row that its `after` names. It joins `edges`, not `nodes`.
 */
const cache = new InMemoryCache({
  typePolicies: {
    Query: {
      fields: {
        workstations: relayStylePagination(['filter', 'orderBy']),
        managers: relayStylePagination(['filter', 'orderBy']),
        // A row that a list has brought is not asked for again.
        workstation: {
          read: (known, { args, toReference }) => known ?? toReference({ __typename: 'Workstation', id: args?.id }),
        },
      },
    },
    Manager: { fields: { workstations: relayStylePagination(['filter']) } },
    // They have no id: the newest figures replace the others.
    FleetSummary: { merge: true },
    PerformanceMetrics: { merge: true },
  },
});

const client = new ApolloClient({
  cache,
  link: new HttpLink({ uri: process.argv[2] ?? 'http://127.0.0.1:4000/graphql' }),
});

interface Data {
  workstations: {
    edges: { node: { id: string; name: string } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
  };
}

const query = gql`
  query Page($after: String) {
    workstations(first: 20, after: $after, orderBy: { field: NAME }) {
      edges { cursor node { id name } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

// What useQuery does. Each page that fetchMore brings makes the list longer.
const list = client.watchQuery<Data>({ query });
list.subscribe(() => {});
await client.query<Data>({ query });
for (let page = 1; page <= 5; page++) {
  const { workstations } = client.readQuery<Data>({ query })!;
  console.log(`${workstations.edges.length} rows in one list, to ${workstations.edges.at(-1)?.node.name}`);
  if (!workstations.pageInfo.hasNextPage) break;
  await list.fetchMore({ variables: { after: workstations.pageInfo.endCursor } });
}
client.stop();
