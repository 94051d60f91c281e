import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { GraphQLClient } from 'graphql-request';
import { type FragmentType, getFragmentData, graphql } from '../generated/plain/index.ts';

export const Details = graphql(`
  fragment Details on Workstation {
    id
    status
    lastSeenAt
    manager { email }
  }
`);

export const Rack = graphql(`
  query Rack($filter: WorkstationFilter!, $orderBy: WorkstationOrder) {
    workstations(filter: $filter, orderBy: $orderBy) { totalCount nodes { ...Details } }
  }
`);

export const SetStatus = graphql(`
  mutation SetStatus($id: ID!, $input: UpdateWorkstationInput!) {
    updateWorkstation(id: $id, input: $input) { ...Details }
  }
`);

type VariablesOf<Document> = Document extends TypedDocumentNode<unknown, infer Variables> ? Variables : never;

/** Typed from the documents: this file is also compiled with `strict`. */
export class Fleet {
  readonly #client: GraphQLClient;

  constructor(url: string, authorization: string) {
    this.#client = new GraphQLClient(url, { headers: { authorization } });
  }

  async statuses(tag: string): Promise<string[]> {
    const filter = { tags: [tag], not: { cpuUsage: { gte: 50 } } };
    const orderBy = { field: 'NAME', direction: 'ASC' } as const;
    const { workstations } = await this.#client.request(Rack, { filter, orderBy });
    const nodes: readonly FragmentType<typeof Details>[] = workstations.nodes;
    return nodes.map((node) => {
      const { lastSeenAt, manager, status } = getFragmentData(Details, node);
      const texts: [string | null, string | undefined] = [lastSeenAt ?? null, manager?.email];
      // @ts-expect-error Scalars have types of their own, not any.
      const numbers: [number | null, number | undefined] = texts;
      void numbers;
      return status;
    });
  }

  async setStatus(id: string): Promise<string> {
    const { updateWorkstation } = await this.#client.request(SetStatus, { id, input: { status: 'MAINTENANCE' } });
    // @ts-expect-error There is no such status.
    const wrong: VariablesOf<typeof SetStatus> = { id, input: { status: 'LOST' } };
    void wrong;
    return getFragmentData(Details, updateWorkstation).status;
  }
}
