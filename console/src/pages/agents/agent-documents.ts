import { graphql } from '../../graphql/index.ts';

export const ENROLLMENTS = graphql(`
  query AgentEnrollments {
    agentEnrollments {
      id
      label
      uses
      maxUses
      createdAt
      expiresAt
      revokedAt
    }
  }
`);

export const CREATE_ENROLLMENT = graphql(`
  mutation CreateAgentEnrollment($input: CreateAgentEnrollmentInput!) {
    createAgentEnrollment(input: $input) {
      id
      label
      maxUses
      expiresAt
      token
    }
  }
`);

export const REVOKE_ENROLLMENT = graphql(`
  mutation RevokeAgentEnrollment($id: ID!) {
    revokeAgentEnrollment(id: $id)
  }
`);

export const AGENT_MACHINES = graphql(`
  query AgentMachines($filter: WorkstationFilter!) @live(throttleMs: 1000) {
    workstations(first: 20, filter: $filter, orderBy: { field: NAME, direction: ASC }) {
      totalCount
      nodes {
        id
        name
        hostname
        status
        machineId
        lastSeenAt
      }
    }
  }
`);
