import { hash } from 'node:crypto';
import { comparePositions, type Position } from '../../cache/index.ts';
import { limitToPage } from '../../collections/page-limit.ts';
import type { Database } from '../../database/database.ts';
import type { RowReader } from '../../database/read/row-reader.ts';
import {
  positionOf,
  type WorkstationList,
  type WorkstationListFilter,
  type WorkstationListOrder,
} from './workstation.list.ts';
import { readWorkstation, WORKSTATION_COLUMNS, type WorkstationRecord } from './workstation.record.ts';

const ORDER_COLUMNS: Record<WorkstationListOrder['field'], { column: string; type: string; isNullable: boolean }> = {
  NAME: { column: 'w.name', type: 'text', isNullable: false },
  STATUS: { column: 'w.status', type: 'text', isNullable: false },
  CPU_USAGE: { column: 'w.cpu_usage', type: 'float8', isNullable: true },
  LAST_SEEN_AT: { column: 'w.last_seen_at', type: 'timestamptz', isNullable: true },
  CREATED_AT: { column: 'w.created_at', type: 'timestamptz', isNullable: false },
};

const BY_ID = `select ${WORKSTATION_COLUMNS} from workstation w where w.id = any($1::uuid[])`;

/** The workstations with these ids, in no particular order. */
export function findWorkstations(database: Database, ids: readonly string[]): Promise<WorkstationRecord[]> {
  return find(database, BY_ID, [ids]);
}

/** What a page's statement brings along with each row: another row that it names, or nulls. */
export interface Companions {
  readonly columns: string;
  /** Joins them to `w`, to each row at most one. */
  readonly join: string;
  /** Called for each row, when its own columns have been read. */
  readonly read: (row: RowReader) => void;
}

/** The rows of one page, and the one behind it if there is one. */
export async function findPage(
  database: Database,
  list: WorkstationList,
  companions: Companions | null = null,
): Promise<WorkstationRecord[]> {
  const values: unknown[] = [];
  const page = pageClauses(list, values);
  if (!companions) return find(database, `select ${WORKSTATION_COLUMNS} from workstation w ${page}`, values);
  const text = `select ${WORKSTATION_COLUMNS}, ${companions.columns} from (
      select w.* from workstation w ${page}
    ) w ${companions.join}`;
  const rows = await find(database, text, values, (row) => {
    const workstation = readWorkstation(row);
    companions.read(row);
    return workstation;
  });
  return inOrder(rows, list.order);
}

/**
 * A join keeps the order of the page in most plans. Sorting once more in PostgreSQL would take as long as the join, and the
 * order is the same here.
 */
function inOrder(rows: WorkstationRecord[], order: WorkstationListOrder): WorkstationRecord[] {
  const compare = (a: WorkstationRecord, b: WorkstationRecord) =>
    comparePositions(order.direction, positionOf(order, a), positionOf(order, b));
  const isOrdered = rows.every((row, index) => index === 0 || compare(rows[index - 1]!, row) < 0);
  return isOrdered ? rows : rows.toSorted(compare);
}

/**
 * The same page for each of several managers, in one statement: the pages differ in nothing but `filter.managerId`. The
 * rows of each come in the order of its page: one after the other is all that PostgreSQL can do with a limit in each.
 */
export function findPageOfEach(
  database: Database,
  managerIds: readonly string[],
  list: WorkstationList,
): Promise<WorkstationRecord[]> {
  const values: unknown[] = [managerIds];
  const page = pageClauses(
    { ...list, filter: { ...list.filter, managerId: undefined } },
    values,
    'w.manager_id = m.id',
  );
  return find(
    database,
    `select p.* from unnest($1::uuid[]) m (id) cross join lateral (
      select ${WORKSTATION_COLUMNS} from workstation w ${page}
    ) p`,
    values,
  );
}

export async function countWorkstations(database: Database, filter: WorkstationListFilter): Promise<number> {
  const values: unknown[] = [];
  const text = `select count(*)::int as count from workstation w ${where(conditions(filter, values))}`;
  const [row] = await database.query<{ count: number }>(nameOf(text), text, values);
  return row!.count;
}

/** The number of each manager's workstations that match; managers without any are absent. */
export async function countOfEach(
  database: Database,
  managerIds: readonly string[],
  filter: WorkstationListFilter,
): Promise<Map<string, number>> {
  const values: unknown[] = [managerIds];
  const matching = ['w.manager_id = any($1::uuid[])', ...conditions({ ...filter, managerId: undefined }, values)];
  const text = `select w.manager_id as id, count(*)::int as count from workstation w ${where(matching)} group by 1`;
  const rows = await database.query<{ id: string; count: number }>(nameOf(text), text, values);
  return new Map(rows.map(({ id, count }) => [id, count]));
}

function pageClauses({ filter, order, first, after }: WorkstationList, values: unknown[], scope?: string): string {
  const matching = conditions(filter, values);
  if (scope) matching.unshift(scope);
  if (after) matching.push(behind(order, after, values));
  return `${where(matching)} ${orderBy(order)} ${limitToPage(first, values)}`;
}

function orderBy(order: WorkstationListOrder): string {
  const { column } = ORDER_COLUMNS[order.field];
  return `order by ${column} ${order.direction} ${nullsLast(order)}, w.id ${order.direction}`;
}

function conditions(
  { status, managerId, nameContains, unmanaged }: WorkstationListFilter,
  values: unknown[],
): string[] {
  const matching: string[] = [];
  const value = (given: unknown) => `$${values.push(given)}`;
  if (status) matching.push(`w.status = any(${value(status)}::text[])`);
  if (managerId) matching.push(`w.manager_id = ${value(managerId)}::uuid`);
  if (unmanaged !== undefined) matching.push(`w.manager_id is ${unmanaged ? '' : 'not '}null`);
  if (nameContains !== undefined) {
    matching.push(`strpos(lower(w.name), lower(${value(nameContains)}::text collate "C")) > 0`);
  }
  return matching;
}

/** The rows behind a position (keyset paging): its value and id are compared as a pair, and nulls come last. */
function behind(order: WorkstationListOrder, { value, id }: Position, values: unknown[]): string {
  const { column, type, isNullable } = ORDER_COLUMNS[order.field];
  const comparison = order.direction === 'ASC' ? '>' : '<';
  if (value === null) return `(${column} is null and w.id ${comparison} $${values.push(id)}::uuid)`;
  const at = `($${values.push(type === 'timestamptz' ? new Date(value).toISOString() : value)}::${type}`;
  const rows = `(${column}, w.id) ${comparison} ${at}, $${values.push(id)}::uuid)`;
  return isNullable ? `(${rows} or ${column} is null)` : rows;
}

/** Said only where it differs from PostgreSQL's default, which the indexes have. */
function nullsLast({ field, direction }: WorkstationListOrder): string {
  return ORDER_COLUMNS[field].isNullable && direction === 'DESC' ? 'nulls last' : '';
}

function where(matching: readonly string[]): string {
  return matching.length === 0 ? '' : `where ${matching.join(' and ')}`;
}

function find(
  database: Database,
  text: string,
  values: readonly unknown[],
  read: (row: RowReader) => WorkstationRecord = readWorkstation,
): Promise<WorkstationRecord[]> {
  return database.readRows({ name: nameOf(text), text, values, read });
}

/** A name made from the text, so that each shape of statement is prepared once on each connection. */
function nameOf(text: string): string {
  let name = NAMES.get(text);
  if (name === undefined) {
    name = `workstations-${hash('sha1', text, 'base64url').slice(0, 16)}`;
    NAMES.set(text, name);
  }
  return name;
}

/** As many as there are shapes of lists: no value is part of a text but the usual page sizes. */
const NAMES = new Map<string, string>();
