const { graphql } = require('react-relay');

// The fragment is on a row, below the root: the compiler asks for it again by node(id).
graphql`
  fragment fleet_details on Workstation @refetchable(queryName: "fleetDetailsRefetchQuery") {
    name
    status
    updatedAt
    manager { name }
  }
`;

graphql`
  fragment fleet_workstations on Manager
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
  @refetchable(queryName: "fleetWorkstationsPaginationQuery") {
    workstations(first: $first, after: $after) @connection(key: "fleet_manager__workstations") {
      edges { node { id ...fleet_details } }
    }
  }
`;

graphql`
  fragment fleet_rack on Query
  @argumentDefinitions(
    tag: { type: "String!" }
    first: { type: "Int", defaultValue: 2 }
    after: { type: "String" }
  )
  @refetchable(queryName: "fleetRackPaginationQuery") {
    workstations(first: $first, after: $after, filter: { tags: [$tag] }) @connection(key: "fleet_rack__workstations") {
      edges { node { id status } }
    }
  }
`;

graphql`
  query fleetRackQuery($tag: String!) { ...fleet_rack @arguments(tag: $tag) }
`;

graphql`
  fragment fleet_end on Query
  @argumentDefinitions(tag: { type: "String!" }, last: { type: "Int", defaultValue: 2 }, before: { type: "String" })
  @refetchable(queryName: "fleetEndPaginationQuery") {
    workstations(last: $last, before: $before, filter: { tags: [$tag] }) @connection(key: "fleet_end__workstations") {
      edges { node { id } }
    }
  }
`;

graphql`
  query fleetEndQuery($tag: String!) { ...fleet_end @arguments(tag: $tag) }
`;

graphql`
  query fleetManagerQuery($id: ID!) { manager(id: $id) { name ...fleet_workstations } }
`;

graphql`
  query fleetDetailsQuery($id: ID!) { workstation(id: $id) { ...fleet_details } }
`;

graphql`
  mutation fleetSetStatusMutation($id: ID!, $status: WorkstationStatus!) {
    updateWorkstation(id: $id, input: { status: $status }) { ...fleet_details }
  }
`;

graphql`
  mutation fleetDeleteMutation($id: ID!, $connections: [ID!]!) {
    deleteWorkstation(id: $id) @deleteEdge(connections: $connections)
  }
`;

graphql`
  subscription fleetChangesSubscription($tag: String!) {
    workstationChanged(filter: { tags: [$tag] }) { kind workstationId: id workstation { id status } }
  }
`;

graphql`
  query fleetLiveQuery($tag: String!) @live {
    workstations(filter: { tags: [$tag] }) { nodes { id status } }
  }
`;
