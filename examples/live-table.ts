import { createClient } from 'graphql-ws';

const client = createClient({ url: process.argv[2] ?? 'ws://127.0.0.1:4000/graphql' });
const query = `
  query Busiest($first: Int!) @live(throttleMs: 500) {
    workstations(first: $first, orderBy: { field: CPU_USAGE, direction: DESC }) {
      totalCount
      nodes { name status cpuUsage manager { name } }
    }
  }`;

interface Data {
  workstations: {
    totalCount: number;
    nodes: { name: string; status: string; cpuUsage: number | null; manager: { name: string } | null }[];
  };
}

// The whole answer comes again whenever, and only when, it has changed.
for await (const { data, errors } of client.iterate<Data>({ query, variables: { first: 15 } })) {
  if (!data) throw new Error(errors?.[0]?.message);
  const { nodes, totalCount } = data.workstations;
  console.clear();
  console.log(`The ${nodes.length} busiest of ${totalCount} workstations`);
  console.table(nodes.map(({ manager, ...row }) => ({ ...row, manager: manager?.name ?? '' })));
}
