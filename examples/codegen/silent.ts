import { print } from 'graphql';
import { graphql } from './generated/gql.ts';
import type { SilentQuery, SilentQueryVariables } from './generated/graphql.ts';

const Silent = graphql(`
  query Silent($before: DateTime!) {
    workstations(first: 5, filter: { lastSeenBefore: $before }, orderBy: { field: LAST_SEEN_AT }) {
      totalCount
      nodes { name lastSeenAt ipAddress }
    }
  }
`);

const url = process.argv[2] ?? 'http://127.0.0.1:4000/graphql';
const variables: SilentQueryVariables = { before: new Date() };
const response = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: print(Silent), variables }),
});
const { data } = (await response.json()) as { data: SilentQuery };
console.log(`${data.workstations.totalCount} workstations have reported, these before all others:`);
for (const { lastSeenAt, name } of data.workstations.nodes) console.log(`${name}, at ${lastSeenAt}`);
