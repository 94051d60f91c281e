import { gql } from '@apollo/client';

export const FLEET = gql`
  query Fleet($filter: WorkstationFilter) {
    workstations(filter: $filter) { totalCount nodes { ...Row } }
  }
  fragment Row on Workstation { id name manager { id name } }
`;

export const CHANGES = gql`
  subscription Changes { workstationChanged { kind workstation { ...Changed } } }
  fragment Changed on Workstation { id status }
`;
