import { STATUS_LABELS } from '../../components/status-badge.tsx';
import type { WorkstationField, WorkstationValues } from '../../components/workstation-fields.tsx';
import type { WorkstationDetailsFragment, WorkstationStatus } from '../../graphql/graphql.ts';

export type Details = WorkstationDetailsFragment;

/** The values as texts, for the form and for comparing. */
export function valuesOf(details: Details): WorkstationValues {
  const { name, status, hostname, ipAddress, operatingSystem, tags, manager } = details;
  return { name, status, hostname, ipAddress, operatingSystem, tags: tags.join(', '), managerId: manager?.id ?? '' };
}

/** A value as people read it. @param managerNames the names of the ids that may occur */
export function showValue(field: WorkstationField, value: string, managerNames: ReadonlyMap<string, string>): string {
  if (value === '') return 'none';
  if (field === 'status') return STATUS_LABELS[value as WorkstationStatus];
  if (field === 'managerId') return managerNames.get(value) ?? value;
  return value;
}
