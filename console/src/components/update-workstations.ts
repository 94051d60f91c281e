import { graphql } from '../graphql/index.ts';

/** Changes many workstations, or tells with a dry run how many it would change. */
export const UPDATE_WORKSTATIONS = graphql(`
  mutation UpdateWorkstations($filter: WorkstationFilter!, $input: UpdateWorkstationsInput!, $dryRun: Boolean!) {
    updateWorkstations(filter: $filter, input: $input, dryRun: $dryRun) {
      matched
      changed
    }
  }
`);
