import { type Announcement, stableJson } from '../../cache/index.ts';
import type { Change } from '../../changes/index.ts';
import type { WorkstationChangePair, WorkstationList, WorkstationListFilter } from './workstation.list.ts';
import { ORDERED_BY } from './workstation.list.ts';
import { type WorkstationRecord, workstationFromRow } from './workstation.record.ts';

export const WORKSTATIONS = 'workstations';
export const WORKSTATION_LISTS = 'workstations_list';
export const WORKSTATION_COUNTS = 'workstations_count';

export function workstationKey(id: string): string {
  return `workstations_${id}`;
}

export function workstationListKey({ filter, order, first, after }: WorkstationList): string {
  return `workstations_list_${order.field}_${order.direction}_${first}_${stableJson(filter)}${after ? `_${stableJson(after)}` : ''}`;
}

export function workstationCountKey(filter: WorkstationListFilter): string {
  return `workstations_count_${stableJson(filter)}`;
}

/*
 * A list is tagged with each column that its filter or order looks at, and with its existence, under the manager it is
 * restricted to (or `*`). So a change meets only lists that look at a column it touched: a telemetry report, which
 * changes usage and last-seen columns, meets none of the usual ones.
 */
const EXISTENCE = 'existence';
const ANY_MANAGER = '*';
/** On every list and count, for changes whose content is not known. */
const EVERY_LIST = 'workstations';

type Column = keyof WorkstationRecord;

const LIST_COLUMNS: readonly Column[] = ['managerId', 'status', 'name', ...Object.values(ORDERED_BY)];

export function workstationListTags({ filter, order }: WorkstationList): string[] {
  return tags(filter, [EXISTENCE, ORDERED_BY[order.field], ...filterColumns(filter)]);
}

export function workstationCountTags(filter: WorkstationListFilter): string[] {
  return tags(filter, [EXISTENCE, ...filterColumns(filter)]);
}

/** What a committed change of a workstation means to the cache. */
export function workstationAnnouncement(change: Change): Announcement {
  const { id, op, version } = change;
  const pair = changePair(change);
  // That it is gone is known even of a row that was too big to be announced.
  const record = { key: workstationKey(id), version, value: op === 'DELETE' ? null : pair?.new };
  if (!pair) return { records: [record], tags: [EVERY_LIST], change: null };
  const columns =
    op === 'UPDATE' ? LIST_COLUMNS.filter((column) => pair.old![column] !== pair.new![column]) : [EXISTENCE];
  const managers = new Set([ANY_MANAGER, pair.old?.managerId, pair.new?.managerId]);
  const scopes = [...managers].filter((scope) => typeof scope === 'string');
  return {
    records: [record],
    tags: scopes.flatMap((scope) => columns.map((column) => tag(scope, column))),
    change: pair,
  };
}

/** The rows before and after; `null` when they were too big to be announced. */
function changePair(change: Change): WorkstationChangePair | null {
  if (change.old === undefined || change.new === undefined) return null;
  return {
    old: change.old && workstationFromRow(change.old),
    new: change.new && workstationFromRow(change.new),
  };
}

function filterColumns({ status, managerId, nameContains, unmanaged }: WorkstationListFilter): Column[] {
  const columns: Column[] = [];
  if (status) columns.push('status');
  if (managerId !== undefined || unmanaged !== undefined) columns.push('managerId');
  if (nameContains !== undefined) columns.push('name');
  return columns;
}

function tags({ managerId }: WorkstationListFilter, columns: readonly string[]): string[] {
  const scope = managerId ?? ANY_MANAGER;
  return [EVERY_LIST, ...new Set(columns.map((column) => tag(scope, column)))];
}

function tag(scope: string, column: string): string {
  return `workstations ${scope} ${column}`;
}
