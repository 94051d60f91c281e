import type { Figures, ListQuery, UsageFigures } from './history.ts';
import { filterOf, type ReadRequest } from './reads.ts';

/** The figures of the workstations that fit the query's filter. */
export function summaryRequest(query: ListQuery, { withSystems }: { withSystems: boolean }): ReadRequest {
  const systems = withSystems ? 'byOperatingSystem { operatingSystem count }' : '';
  return {
    query: `query ($filter: WorkstationFilter) { fleetSummary(filter: $filter) { total unmanaged
      byStatus { status count } ${systems} cpuUsage { reported minimum average maximum } } }`,
    variables: { filter: filterOf(query) },
    parse: ({ fleetSummary }) => [{ kind: 'summary', query, figures: toFigures(fleetSummary) }],
  };
}

interface Counts {
  readonly byStatus: readonly { readonly status: string; readonly count: number }[];
  readonly byOperatingSystem?: readonly { readonly operatingSystem: string; readonly count: number }[];
  readonly cpuUsage: UsageFigures;
  readonly total: number;
  readonly unmanaged: number;
}

function toFigures({ total, unmanaged, byStatus, byOperatingSystem, cpuUsage }: Counts): Figures {
  return {
    total,
    unmanaged,
    byStatus: new Map(byStatus.map(({ status, count }) => [status, count])),
    byOperatingSystem: byOperatingSystem
      ? new Map(byOperatingSystem.map(({ operatingSystem, count }) => [operatingSystem, count]))
      : null,
    cpuUsage,
  };
}
