import type { WorkstationStatus } from '../graphql/graphql.ts';

export const STATUSES: readonly WorkstationStatus[] = ['ONLINE', 'ERROR', 'MAINTENANCE', 'OFFLINE'];

export const STATUS_LABELS: Readonly<Record<WorkstationStatus, string>> = {
  ONLINE: 'Online',
  ERROR: 'Error',
  MAINTENANCE: 'Maintenance',
  OFFLINE: 'Offline',
};

/** A status in words, with a dot of its colour. */
export function StatusBadge({ status }: { readonly status: WorkstationStatus }) {
  return (
    <span className={`status status-${status.toLowerCase()}`}>
      <span className="status-dot" aria-hidden="true" />
      {STATUS_LABELS[status]}
    </span>
  );
}
