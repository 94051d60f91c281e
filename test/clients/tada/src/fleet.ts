import { initGraphQLTada, type ResultOf, type VariablesOf } from 'gql.tada';
import { print } from 'graphql';
import type { introspection } from '../generated/graphql-env.d.ts';

const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { CIDR: string; DateTime: string; EmailAddress: string; IP: string };
}>();

const Details = graphql(`
  fragment Details on Workstation @_unmask { id status lastSeenAt manager { email } }
`);

const Rack = graphql(
  `
    query Rack($filter: WorkstationFilter!, $orderBy: WorkstationOrder) {
      workstations(filter: $filter, orderBy: $orderBy) { totalCount nodes { ...Details } }
      fleetSummary(filter: $filter) { total byStatus { status count } }
    }
  `,
  [Details],
);

/** Typed from the document: this file is also compiled with `strict`. */
export async function readRack(url: string, tag: string) {
  const variables: VariablesOf<typeof Rack> = { filter: { tags: [tag] }, orderBy: { field: 'NAME', direction: 'ASC' } };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: print(Rack), variables }),
  });
  const { data } = (await response.json()) as { data: ResultOf<typeof Rack> };
  return data.workstations.nodes.map(({ lastSeenAt, status }) => {
    const seen: string | null = lastSeenAt;
    // @ts-expect-error Scalars have types of their own, not any.
    const number: number | null = lastSeenAt;
    void [seen, number];
    const known: 'ERROR' | 'MAINTENANCE' | 'OFFLINE' | 'ONLINE' = status;
    return known;
  });
}
