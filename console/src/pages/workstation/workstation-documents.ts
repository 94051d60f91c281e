import { graphql } from '../../graphql/index.ts';

graphql(`
  fragment WorkstationDetails on Workstation {
    id
    name
    hostname
    ipAddress
    operatingSystem
    status
    tags
    machineId
    version
    createdAt
    updatedAt
    lastSeenAt
    cpuUsage
    memoryUsage
    diskUsage
    manager {
      id
      name
      email
    }
  }
`);

export const WORKSTATION = graphql(`
  query WorkstationPage($id: ID!) @live {
    workstation(id: $id) {
      ...WorkstationDetails
    }
  }
`);

export const WORKSTATION_CHANGES = graphql(`
  subscription WorkstationChanges($id: ID!, $since: String) {
    workstationChanged(ids: [$id], since: $since) {
      kind
      changedAt
      position
      workstation {
        ...WorkstationDetails
      }
    }
  }
`);

export const UPDATE_WORKSTATION = graphql(`
  mutation UpdateWorkstation($id: ID!, $input: UpdateWorkstationInput!) {
    updateWorkstation(id: $id, input: $input) {
      id
    }
  }
`);

export const DELETE_WORKSTATION = graphql(`
  mutation DeleteWorkstation($id: ID!) {
    deleteWorkstation(id: $id)
  }
`);
