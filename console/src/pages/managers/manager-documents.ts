import { graphql } from '../../graphql/index.ts';

export const MANAGERS = graphql(`
  query ManagersPage($first: Int!, $after: String, $filter: ManagerFilter, $orderBy: ManagerOrder) @live(throttleMs: 500) {
    managers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        name
        email
        version
        createdAt
        workstations(first: 1) {
          totalCount
        }
      }
    }
  }
`);

export const MANAGER = graphql(`
  query ManagerWithWorkstations($id: ID!, $first: Int!, $after: String) @live(throttleMs: 500) {
    manager(id: $id) {
      id
      name
      email
      version
      createdAt
      updatedAt
      workstations(first: $first, after: $after) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        nodes {
          id
          name
          status
          hostname
        }
      }
    }
  }
`);

export const CREATE_MANAGER = graphql(`
  mutation CreateManager($input: CreateManagerInput!) {
    createManager(input: $input) {
      id
      name
    }
  }
`);

export const UPDATE_MANAGER = graphql(`
  mutation UpdateManager($id: ID!, $input: UpdateManagerInput!) {
    updateManager(id: $id, input: $input) {
      id
      name
    }
  }
`);

export const DELETE_MANAGER = graphql(`
  mutation DeleteManager($id: ID!) {
    deleteManager(id: $id)
  }
`);
