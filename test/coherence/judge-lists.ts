import { type Case, explainTooOld } from './case.ts';
import type { Fields, ListPosition, ListQuery, Observed, OrderField, Read, ReadPart } from './history.ts';
import { fieldsOf, type Row, type StateRange, statesDuring } from './rows.ts';
import { describeRead, describeState, lines } from './violations.ts';

type ListPart = Extract<ReadPart, { kind: 'list' }>;

export interface ListReading {
  readonly given: Case;
  readonly read: Read;
  readonly delayMs: number;
  /** Judges a single row and returns it. */
  readonly look: (observed: Observed) => Row | undefined;
  /** The rows that may exist during the read. */
  readonly playing: readonly Row[];
  /** Of these rows, once they were needed: for all parts of the read. */
  candidates?: readonly Candidate[];
}

/** A row with the states that the read may have seen. */
export interface Candidate extends StateRange {
  readonly row: Row;
}

/*
 * A list may be any list that was correct at some moment that the read may represent. So a row must be in the list if
 * it belongs there in all of its possible states, must not be in it if it belongs there in none, and must be in order
 * if its position is the same in all of them. Anything in between is left open.
 */
export function judgeList(part: ListPart, reading: ListReading): void {
  const { look } = reading;
  const present = new Map<Row, Observed>();
  for (const node of part.page?.nodes ?? []) {
    const row = look(node);
    if (row) present.set(row, node);
  }
  const candidates = reading.read.isStale ? [] : candidatesOf(reading);
  judgeForeigners(part, present, reading);
  if (reading.read.isStale) return;
  if (part.page) {
    judgeOrder(part, present, reading);
    judgeMissing(part, present, candidates, reading);
  }
  if (part.totalCount !== null) judgeCount(part, part.totalCount, candidates, reading);
}

export function candidatesOf(reading: ListReading): readonly Candidate[] {
  reading.candidates ??= reading.playing.map((row) => findCandidate(row, reading));
  return reading.candidates;
}

function findCandidate(row: Row, { read, delayMs }: ListReading): Candidate {
  return { row, ...statesDuring(row, read, delayMs) };
}

function judgeForeigners({ query }: ListPart, present: ReadonlyMap<Row, Observed>, reading: ListReading): void {
  const { given, read, delayMs } = reading;
  for (const row of present.keys()) {
    const candidate = findCandidate(row, reading);
    if (someState(candidate, (fields) => fields !== null && matches(query, fields))) continue;
    given.violations.add('foreign-row', read.endedAtMs, `${row.log.name} ${candidate.oldest} ${read.instance}`, () =>
      lines(
        `${describeRead(read, given.history)} found ${row.log.name} in the list ${JSON.stringify(query)},`,
        'where it did not belong:',
        ...(candidate.oldest >= 0 ? explainTooOld(row, candidate, read, delayMs) : ['it never did.']),
        ...(candidate.oldest >= 0 ? [`It was ${JSON.stringify(fieldsOf(row, candidate.oldest))}.`] : []),
      ),
    );
  }
}

function judgeMissing(
  { query, page }: ListPart,
  present: ReadonlyMap<Row, Observed>,
  candidates: readonly Candidate[],
  reading: ListReading,
): void {
  const { given, read, delayMs } = reading;
  const end = page!.hasNextPage ? furthestPlace(query, present, reading) : undefined;
  // If all rows of the page may have moved, the end of the page is unknown.
  if (end === null) return;
  for (const candidate of candidates) {
    const { row } = candidate;
    if (present.has(row) || !everyState(candidate, (fields) => fields !== null && matches(query, fields))) continue;
    if (end !== undefined || query.after) {
      const place = certainPlace(query.orderBy.field, candidate);
      if (!place) continue;
      if (end && compare(query, place, end) >= 0) continue;
      if (query.after && compare(query, place, query.after) <= 0) continue;
    }
    given.violations.add('missing-row', read.endedAtMs, `${row.log.name} ${candidate.oldest} ${read.instance}`, () =>
      lines(
        `${describeRead(read, given.history)} did not find ${row.log.name} in the list ${JSON.stringify(query)},`,
        'where it belonged:',
        ...explainTooOld(row, candidate, read, delayMs),
        `It was ${JSON.stringify(fieldsOf(row, candidate.oldest))}.`,
      ),
    );
  }
}

/** Rows with a certain position are in order, and after the page's cursor. */
function judgeOrder({ query, page }: ListPart, present: ReadonlyMap<Row, Observed>, reading: ListReading): void {
  const { given, read } = reading;
  let last: { place: ListPosition; name: string } | null = query.after && { place: query.after, name: 'the cursor' };
  for (const row of present.keys()) {
    const place = certainPlace(query.orderBy.field, findCandidate(row, reading));
    if (!place) continue;
    const before = last;
    if (before && compare(query, before.place, place) >= 0) {
      given.violations.add('wrong-order', read.endedAtMs, `${row.log.name} ${before.name} ${read.instance}`, () =>
        lines(
          `${describeRead(read, given.history)} showed the list ${JSON.stringify(query)}`,
          `with ${row.log.name} at ${JSON.stringify(place)} behind ${before.name} at ${JSON.stringify(before.place)}.`,
        ),
      );
    }
    last = { place, name: row.log.name };
  }
  if (page!.nodes.length > query.first) {
    given.violations.add('wrong-count', read.endedAtMs, `page ${read.instance}`, () =>
      lines(`${describeRead(read, given.history)} showed ${page!.nodes.length} rows of ${query.first} asked for.`),
    );
  }
}

function judgeCount(
  { query }: ListPart,
  totalCount: number,
  candidates: readonly Candidate[],
  { given, read }: ListReading,
): void {
  const isMember = (fields: Fields | null) => fields !== null && matches(query, fields);
  const certain = candidates.filter((candidate) => everyState(candidate, isMember));
  const possible = candidates.filter((candidate) => someState(candidate, isMember));
  if (totalCount >= certain.length && totalCount <= possible.length) return;
  given.violations.add('wrong-count', read.endedAtMs, `${JSON.stringify(query)} ${totalCount} ${read.instance}`, () =>
    lines(
      `${describeRead(read, given.history)} counted ${totalCount} rows of ${JSON.stringify(query)},`,
      `where ${certain.length} certainly belonged and ${possible.length} possibly.`,
      ...possible
        .filter((candidate) => !certain.includes(candidate))
        .slice(0, 3)
        .map(({ row, oldest }) => `Uncertain: ${row.log.name}, ${describeState(row, oldest)}.`),
    ),
  );
}

function furthestPlace(
  query: ListQuery,
  present: ReadonlyMap<Row, Observed>,
  reading: ListReading,
): ListPosition | null {
  let furthest: ListPosition | null = null;
  for (const row of present.keys()) {
    const place = certainPlace(query.orderBy.field, findCandidate(row, reading));
    if (place && (!furthest || compare(query, furthest, place) < 0)) furthest = place;
  }
  return furthest;
}

const ORDERED_BY: Partial<Record<OrderField, string>> = { NAME: 'name', STATUS: 'status', CPU_USAGE: 'cpuUsage' };

/** A row's position, if it is the same in all of its possible states; the history does not know `lastSeenAt`. */
function certainPlace(field: OrderField, candidate: Candidate): ListPosition | null {
  const { id, createdAtMs } = candidate.row.log;
  if (id === null) return null;
  if (field === 'CREATED_AT') return createdAtMs === null ? null : { value: createdAtMs, id };
  const column = ORDERED_BY[field];
  const now = fieldsOf(candidate.row, candidate.newest);
  if (column === undefined || now === null) return null;
  const value = now[column]!;
  return everyState(candidate, (fields) => fields?.[column] === value) ? { value, id } : null;
}

/** Whether a row is at the same place of the order in both states, as far as the history knows places. */
export function hasSamePlace({ orderBy }: ListQuery, a: Fields | null, b: Fields | null): boolean {
  const column = ORDERED_BY[orderBy.field];
  return column === undefined || a?.[column] === b?.[column];
}

export function everyState(candidate: Candidate, isSo: (fields: Fields | null) => boolean): boolean {
  return !someState(candidate, (fields) => !isSo(fields));
}

export function someState({ row, oldest, newest }: Candidate, isSo: (fields: Fields | null) => boolean): boolean {
  // The newest first: it is the likeliest, and there may be thousands.
  for (let index = newest; index >= oldest; index--) if (isSo(fieldsOf(row, index))) return true;
  return false;
}

export function matches({ status, managerId, unmanaged, nameContains }: ListQuery, fields: Fields): boolean {
  return (
    (status === undefined || status.includes(fields.status as string)) &&
    (managerId === undefined || fields.managerId === managerId) &&
    (unmanaged === undefined || (fields.managerId === null) === unmanaged) &&
    (nameContains === undefined || (fields.name as string).toLowerCase().includes(nameContains.toLowerCase()))
  );
}

/** In the direction of reading. */
export function compare(
  { orderBy, isBackward }: Pick<ListQuery, 'orderBy' | 'isBackward'>,
  a: ListPosition,
  b: ListPosition,
): number {
  return isBackward ? compareForward(orderBy, b, a) : compareForward(orderBy, a, b);
}

/** PostgreSQL's order: rows without a value last in both directions, equal values by id. All texts are ASCII. */
function compareForward(orderBy: ListQuery['orderBy'], a: ListPosition, b: ListPosition): number {
  if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
  const sign = orderBy.direction === 'ASC' ? 1 : -1;
  const [left, right] = a.value === b.value ? [a.id, b.id] : [a.value!, b.value!];
  return left === right ? 0 : sign * (left < right ? -1 : 1);
}
