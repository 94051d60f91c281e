import { STATUSES } from '../../components/status-badge.tsx';
import type { WorkstationFilter, WorkstationOrder, WorkstationStatus } from '../../graphql/graphql.ts';

/*
 * What the page shows, as the address has it: filter and order. A link to the page shows the same to somebody else.
 */

export const USAGES = ['cpu', 'memory', 'disk'] as const;

export type Usage = (typeof USAGES)[number];

/** A percentage from and to; `null`: without a bound. */
export interface UsageRange {
  readonly from: number | null;
  readonly to: number | null;
}

export const SEEN = ['5m', '1h', '24h', 'not-5m', 'not-1h', 'not-24h', 'not-7d', 'never'] as const;

export type Seen = (typeof SEEN)[number];

export type SortField = WorkstationOrder['field'];

export interface FleetQuery {
  readonly text: string;
  readonly statuses: readonly WorkstationStatus[];
  readonly name: string;
  readonly hostname: string;
  readonly operatingSystem: string;
  readonly tags: readonly string[];
  /** An id; `none`: without a manager; empty: any. */
  readonly manager: string;
  readonly usage: Readonly<Record<Usage, UsageRange>>;
  readonly seen: Seen | null;
  readonly sort: { readonly field: SortField; readonly isDescending: boolean } | null;
}

const SORT_NAMES: Readonly<Record<SortField, string>> = {
  NAME: 'name',
  STATUS: 'status',
  CPU_USAGE: 'cpu',
  CREATED_AT: 'created',
  LAST_SEEN_AT: 'seen',
};

const NO_RANGE: UsageRange = { from: null, to: null };

/** What somebody wrote into the address by hand, and makes no sense, counts as nothing. */
export function readQuery(parameters: URLSearchParams): FleetQuery {
  const text = (name: string) => (parameters.get(name) ?? '').trim();
  const list = (name: string) =>
    text(name)
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean);
  const seen = text('seen') as Seen;
  return {
    text: text('q'),
    statuses: STATUSES.filter((status) => list('status').includes(status.toLowerCase())),
    name: text('name'),
    hostname: text('host'),
    operatingSystem: text('os'),
    tags: list('tags'),
    manager: text('manager'),
    usage: { cpu: readRange(text('cpu')), memory: readRange(text('memory')), disk: readRange(text('disk')) },
    seen: SEEN.includes(seen) ? seen : null,
    sort: readSort(text('sort')),
  };
}

export function writeQuery(query: FleetQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  const set = (name: string, value: string) => {
    if (value !== '') parameters.set(name, value);
  };
  set('q', query.text);
  set('status', query.statuses.map((status) => status.toLowerCase()).join(','));
  set('name', query.name);
  set('host', query.hostname);
  set('os', query.operatingSystem);
  set('tags', query.tags.join(','));
  set('manager', query.manager);
  for (const usage of USAGES) set(usage, writeRange(query.usage[usage]));
  set('seen', query.seen ?? '');
  if (query.sort) set('sort', `${query.sort.isDescending ? '-' : ''}${SORT_NAMES[query.sort.field]}`);
  return parameters;
}

function readRange(text: string): UsageRange {
  const [, from, to] = /^(\d+(?:\.\d+)?)?\.\.(\d+(?:\.\d+)?)?$/.exec(text) ?? [];
  if (from === undefined && to === undefined) return NO_RANGE;
  return { from: from === undefined ? null : Number(from), to: to === undefined ? null : Number(to) };
}

function writeRange({ from, to }: UsageRange): string {
  return from === null && to === null ? '' : `${from ?? ''}..${to ?? ''}`;
}

function readSort(text: string): FleetQuery['sort'] {
  const isDescending = text.startsWith('-');
  const name = text.slice(isDescending ? 1 : 0);
  const field = (Object.keys(SORT_NAMES) as SortField[]).find((key) => SORT_NAMES[key] === name);
  return field ? { field, isDescending } : null;
}

export function toOrder({ sort }: FleetQuery): WorkstationOrder | null {
  return sort && { field: sort.field, direction: sort.isDescending ? 'DESC' : 'ASC' };
}

/**
 * The API's filter; `null`: everything.
 * @param nowMs what "an hour ago" refers to
 */
export function toFilter(query: FleetQuery, nowMs: number): WorkstationFilter | null {
  const filter: WorkstationFilter = {
    ...(query.statuses.length > 0 && { status: [...query.statuses] }),
    ...(query.name && { nameContains: query.name }),
    ...(query.hostname && { hostnameContains: query.hostname }),
    ...(query.operatingSystem && { operatingSystemContains: query.operatingSystem }),
    ...(query.tags.length > 0 && { tags: [...query.tags] }),
    ...(query.manager === 'none' ? { unmanaged: true } : query.manager && { managerId: query.manager }),
    ...usageFilter('cpuUsage', query.usage.cpu),
    ...usageFilter('memoryUsage', query.usage.memory),
    ...usageFilter('diskUsage', query.usage.disk),
    ...seenFilter(query.seen, nowMs),
    ...(query.text && { or: anywhere(query.text) }),
  };
  return Object.keys(filter).length > 0 ? filter : null;
}

function anywhere(text: string): WorkstationFilter[] {
  return [
    { nameContains: text },
    { hostnameContains: text },
    { operatingSystemContains: text },
    ...(text.length <= 50 ? [{ tags: [text] }] : []),
  ];
}

function usageFilter(field: 'cpuUsage' | 'memoryUsage' | 'diskUsage', { from, to }: UsageRange): WorkstationFilter {
  if (from === null && to === null) return {};
  return { [field]: { ...(from !== null && { gte: from }), ...(to !== null && { lte: to }) } };
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function seenFilter(seen: Seen | null, nowMs: number): WorkstationFilter {
  if (seen === null) return {};
  if (seen === 'never') return { neverSeen: true };
  const [, negation, count, unit] = /^(not-)?(\d+)([mhd])$/.exec(seen)!;
  const time = new Date(nowMs - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]).toISOString();
  return negation ? { lastSeenBefore: time } : { lastSeenAfter: time };
}

export const SEEN_LABELS: Readonly<Record<Seen, string>> = {
  '5m': 'in the last 5 minutes',
  '1h': 'in the last hour',
  '24h': 'in the last 24 hours',
  'not-5m': 'more than 5 minutes ago',
  'not-1h': 'more than an hour ago',
  'not-24h': 'more than a day ago',
  'not-7d': 'more than a week ago',
  never: 'never',
};

export const NO_QUERY = readQuery(new URLSearchParams());
