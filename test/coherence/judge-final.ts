import type { Fields, FinalRow, History, ListQuery, Observed, Read, ReadPart } from './history.ts';
import { compare, matches } from './judge-lists.ts';
import { compareFigures, summarize } from './judge-summaries.ts';
import type { Rows } from './rows.ts';
import { describeRead, describeState, lines, type Violations } from './violations.ts';

/** At the end PostgreSQL holds the last written state of each row: no answered write is lost. */
export function judgeFinalRows(finalRows: readonly FinalRow[], rows: Rows, violations: Violations): void {
  const held = new Map(finalRows.map((row) => [row.id, row]));
  for (const row of rows.all) {
    const last = row.states.length - 1;
    const lastAnswered = row.states.findLastIndex(({ outcome }) => outcome === 'ok');
    const found = row.log.id === null ? undefined : held.get(row.log.id);
    const possible = row.states.slice(Math.max(0, lastAnswered));
    const isPossible = found
      ? possible.some(
          ({ fields, version }) => fields !== null && version === found.version && isEqual(fields, found.fields),
        )
      : lastAnswered < 0 || possible.some(({ fields }) => fields === null);
    if (isPossible) continue;
    violations.add('lost-write', Number.MAX_VALUE, row.log.name, () =>
      lines(
        `In the end PostgreSQL holds ${found ? JSON.stringify(found) : 'nothing'} as ${row.log.name},`,
        `which was last ${describeState(row, lastAnswered)}, or at most ${describeState(row, last)}.`,
      ),
    );
  }
}

/** In the quiet phase every instance agrees with PostgreSQL, for all kinds of reads. */
export function judgeFinalReads(finalRows: readonly FinalRow[], history: History, violations: Violations): void {
  for (const read of history.reads) {
    if (!read.isFinal) continue;
    for (const part of read.parts) judgeFinalPart(part, read, finalRows, history, violations);
  }
}

export function judgeFinalPart(
  part: ReadPart,
  read: Read,
  finalRows: readonly FinalRow[],
  history: History,
  violations: Violations,
): void {
  const [expected, shown] = compareFinally(part, finalRows);
  if (expected === shown) return;
  const what = part.kind === 'record' ? `the row ${part.id}` : `the ${part.kind} ${JSON.stringify(part.query)}`;
  violations.add('differs-after-quiet', read.endedAtMs, `${what} ${read.instance}`, () =>
    lines(
      `${describeRead(read, history)}, after everything had come to rest, showed ${what} as`,
      shown,
      'but PostgreSQL holds',
      expected,
    ),
  );
}

/** What PostgreSQL holds, and what is shown. */
function compareFinally(part: ReadPart, finalRows: readonly FinalRow[]): [expected: string, shown: string] {
  if (part.kind === 'record') return [expectedRecord(part.id, finalRows), showRow(part.row)];
  if (part.kind === 'summary') return compareFigures(summarize(part, finalRows), part.figures);
  return [expectedList(part, finalRows), showList(part)];
}

function expectedRecord(id: string, finalRows: readonly FinalRow[]): string {
  return showRow(finalRows.find((row) => row.id === id) ?? null);
}

type ListPart = Extract<ReadPart, { kind: 'list' }>;

function expectedList({ query, page, totalCount }: ListPart, finalRows: readonly FinalRow[]): string {
  const members = finalRows
    .filter((row) => row.table === 'workstation' && matches(query, row.fields))
    .sort((a, b) => compare(query, placeOf(query, a), placeOf(query, b)));
  const behind = members.filter((row) => !query.after || compare(query, placeOf(query, row), query.after) > 0);
  return showList({
    kind: 'list',
    query,
    page: page && { nodes: behind.slice(0, query.first), hasNextPage: behind.length > query.first },
    totalCount: totalCount === null ? null : members.length,
  });
}

function placeOf({ orderBy }: ListQuery, { id, fields, createdAtMs, lastSeenAtMs }: FinalRow) {
  const value = {
    NAME: fields.name!,
    STATUS: fields.status!,
    CPU_USAGE: fields.cpuUsage!,
    CREATED_AT: createdAtMs,
    LAST_SEEN_AT: lastSeenAtMs,
  }[orderBy.field];
  return { value, id };
}

function showList({ page, totalCount }: ListPart): string {
  const rows = page?.nodes.map((row) => showRow(row)).join(' ') ?? '';
  return `[${rows}]${page?.hasNextPage ? '…' : ''} ${totalCount === null ? '' : `of ${totalCount}`}`;
}

function showRow(row: Observed | FinalRow | null): string {
  return row ? `${row.id}@${row.version}:${row.fields.operatingSystem ?? row.fields.name}` : 'none';
}

function isEqual(a: Fields, b: Fields): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === value);
}
