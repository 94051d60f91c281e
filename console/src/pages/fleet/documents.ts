import type { FleetWindowQuery } from '../../graphql/graphql.ts';
import { graphql } from '../../graphql/index.ts';

/** A part of the list, live. Cursors stand for values, so the part stays where it is while rows come and go before it. */
export const FLEET_WINDOW = graphql(`
  query FleetWindow(
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filter: WorkstationFilter
    $orderBy: WorkstationOrder
  ) @live(throttleMs: 700) {
    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        hasPreviousPage
      }
      edges {
        cursor
        node {
          id
          name
          status
          hostname
          ipAddress
          operatingSystem
          cpuUsage
          memoryUsage
          diskUsage
          lastSeenAt
          createdAt
          updatedAt
          tags
          manager {
            id
            name
          }
        }
      }
    }
  }
`);

export type FleetEdge = FleetWindowQuery['workstations']['edges'][number];
export type FleetRow = FleetEdge['node'];

/** The way to a part far away: pages of which only the cursors at their ends are read. */
export const FLEET_STEP = graphql(`
  query FleetStep(
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filter: WorkstationFilter
    $orderBy: WorkstationOrder
  ) {
    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
      pageInfo {
        startCursor
        endCursor
        hasNextPage
        hasPreviousPage
      }
    }
  }
`);

export const FLEET_SUMMARY = graphql(`
  query FleetSummary($filter: WorkstationFilter) @live(throttleMs: 1000) {
    fleetSummary(filter: $filter) {
      total
      unmanaged
      byStatus {
        status
        count
      }
      byOperatingSystem {
        operatingSystem
        count
      }
      cpuUsage {
        average
        maximum
      }
      memoryUsage {
        average
        maximum
      }
      diskUsage {
        average
        maximum
      }
    }
  }
`);

export const CREATE_WORKSTATION = graphql(`
  mutation CreateWorkstation($input: CreateWorkstationInput!) {
    createWorkstation(input: $input) {
      id
      name
    }
  }
`);

export const DELETE_WORKSTATIONS = graphql(`
  mutation DeleteWorkstations($filter: WorkstationFilter!, $dryRun: Boolean!) {
    deleteWorkstations(filter: $filter, dryRun: $dryRun) {
      matched
      changed
    }
  }
`);
