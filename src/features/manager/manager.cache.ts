import { type Announcement, isPageAffected, type Position, stableJson } from '../../cache/index.ts';
import type { Change } from '../../changes/index.ts';
import { type ManagerRecord, managerFromRow } from './manager.record.ts';

export const MANAGERS = 'managers';
export const MANAGER_LISTS = 'managers_list';
export const MANAGER_COUNT = 'managers_count';

/** On every list of managers and on their count. */
export const MANAGER_EXISTENCE = 'managers existence';

/** A page of all managers, newest first. */
export interface ManagerList {
  readonly first: number;
  readonly after: Position | null;
}

export interface ManagerPage {
  readonly ids: readonly string[];
  /** The first row behind the page; `null` when the page ends the list. */
  readonly next: Position | null;
}

export interface ManagerChangePair {
  readonly old: ManagerRecord | null;
  readonly new: ManagerRecord | null;
}

export function managerKey(id: string): string {
  return `managers_${id}`;
}

export function managerListKey({ first, after }: ManagerList): string {
  return `managers_list_${first}${after ? `_${stableJson(after)}` : ''}`;
}

export function managerPosition({ createdAtMs, id }: ManagerRecord): Position {
  return { value: createdAtMs, id };
}

/** Whether a change can alter a cached page; `page` is `undefined` while it is still being loaded. */
export function isManagerPageAffected(
  { after }: ManagerList,
  page: ManagerPage | undefined,
  change: ManagerChangePair,
): boolean {
  const bounds = { direction: 'DESC', after, next: page?.next ?? null } as const;
  return isPageAffected(bounds, change.old && managerPosition(change.old), change.new && managerPosition(change.new));
}

/** What a committed change of a manager means to the cache. */
export function managerAnnouncement(change: Change): Announcement {
  const { id, op, version } = change;
  const isKnown = change.old !== undefined && change.new !== undefined;
  const pair = isKnown
    ? { old: change.old && managerFromRow(change.old), new: change.new && managerFromRow(change.new) }
    : null;
  const record = { key: managerKey(id), version, value: op === 'DELETE' ? null : pair?.new };
  const isElsewhere = op !== 'UPDATE' || pair?.old?.createdAtMs !== pair?.new?.createdAtMs;
  return { records: [record], tags: isElsewhere ? [MANAGER_EXISTENCE] : [], change: pair };
}
