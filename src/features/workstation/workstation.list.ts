import { type Direction, isPageAffected, type Position } from '../../cache/index.ts';
import { isTimeMs } from '../../graphql/pagination.ts';
import { WORKSTATION_STATUSES, type WorkstationStatus } from './workstation.entity.ts';
import type { WorkstationRecord } from './workstation.record.ts';

/** Which workstations a list holds. Normalized: parts that restrict nothing are absent. */
export interface WorkstationListFilter {
  /** In alphabetical order, without repeats. */
  readonly status?: readonly WorkstationStatus[];
  readonly managerId?: string;
  /** Compared without regard to the case of ASCII letters. */
  readonly nameContains?: string;
  /** `true`: only workstations without a manager; `false`: only those with one. */
  readonly unmanaged?: boolean;
}

export const ORDER_FIELDS = ['NAME', 'STATUS', 'CPU_USAGE', 'LAST_SEEN_AT', 'CREATED_AT'] as const;

export type WorkstationListOrderField = (typeof ORDER_FIELDS)[number];

export interface WorkstationListOrder {
  readonly field: WorkstationListOrderField;
  readonly direction: Direction;
}

/** One page of one list of workstations. */
export interface WorkstationList {
  readonly filter: WorkstationListFilter;
  readonly order: WorkstationListOrder;
  readonly first: number;
  readonly after: Position | null;
}

/** A page as it is cached: who is on it, and up to where in the order it speaks for the list. */
export interface WorkstationPage {
  readonly ids: readonly string[];
  /** The first row behind the page, whose presence `hasNextPage` tells of; `null` when the page ends the list. */
  readonly next: Position | null;
}

/** A change of one row, with what it was and what it is; `null` where there is none. */
export interface WorkstationChangePair {
  readonly old: WorkstationRecord | null;
  readonly new: WorkstationRecord | null;
}

export const ORDERED_BY = {
  NAME: 'name',
  STATUS: 'status',
  CPU_USAGE: 'cpuUsage',
  LAST_SEEN_AT: 'lastSeenAtMs',
  CREATED_AT: 'createdAtMs',
} as const satisfies Record<WorkstationListOrderField, keyof WorkstationRecord>;

export function positionOf(order: WorkstationListOrder, workstation: WorkstationRecord): Position {
  return { value: workstation[ORDERED_BY[order.field]], id: workstation.id };
}

/** Whether a workstation can have this value in the column that the order looks at. */
export function isOrderedValue(field: WorkstationListOrderField, value: Position['value']): boolean {
  return CAN_HAVE[field](value);
}

const CAN_HAVE: Record<WorkstationListOrderField, (value: Position['value']) => boolean> = {
  NAME: (value) => typeof value === 'string' && !value.includes('\0'),
  STATUS: (value) => WORKSTATION_STATUSES.some((status) => status === value),
  CPU_USAGE: (value) => value === null || typeof value === 'number',
  LAST_SEEN_AT: (value) => value === null || isTimeMs(value),
  CREATED_AT: isTimeMs,
};

/** Whether the filter accepts the workstation: the same answer as the SQL of `workstation.queries.ts` gives. */
export function matches(filter: WorkstationListFilter, workstation: WorkstationRecord): boolean {
  const { status, managerId, nameContains, unmanaged } = filter;
  return (
    (status === undefined || status.includes(workstation.status)) &&
    (managerId === undefined || workstation.managerId === managerId) &&
    (unmanaged === undefined || (workstation.managerId === null) === unmanaged) &&
    (nameContains === undefined || lowerAscii(workstation.name).includes(lowerAscii(nameContains)))
  );
}

/** Whether a change can alter a cached page; `page` is `undefined` while it is still being loaded. */
export function isWorkstationPageAffected(
  { filter, order, after }: WorkstationList,
  page: WorkstationPage | undefined,
  change: WorkstationChangePair,
): boolean {
  const bounds = { direction: order.direction, after, next: page?.next ?? null };
  const placeOf = (workstation: WorkstationRecord | null) =>
    workstation && matches(filter, workstation) ? positionOf(order, workstation) : null;
  return isPageAffected(bounds, placeOf(change.old), placeOf(change.new));
}

/** Whether a change can alter the number of workstations that match: when exactly one of the two rows does. */
export function isCountAffected(filter: WorkstationListFilter, { old, new: now }: WorkstationChangePair): boolean {
  return (old !== null && matches(filter, old)) !== (now !== null && matches(filter, now));
}

/** As PostgreSQL's lower() in the collation "C", which knows only ASCII. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
