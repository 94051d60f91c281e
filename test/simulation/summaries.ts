import type { Summary } from '../../src/collections/index.ts';
import type { History } from './history.ts';
import { type ListQuery, matches } from './lists.ts';
import { IDS, type SqlRow } from './rows.ts';

/** The figures of some desks. */
export interface Figures {
  /** All but the means. */
  readonly exact: string;
  readonly means: readonly (number | null)[];
}

const MEASURED = ['seats'] as const;
const TOLERANCE = 1e-9;

/**
 * The figures that were right at some moment from commit `from` to commit `to`. A transaction of several rows is announced in
 * several messages, so the moments between its rows count as well.
 */
export function* figuresDuring(
  filter: ListQuery['filter'],
  { from, to }: { readonly from: number; readonly to: number },
  history: History,
): Generator<Figures> {
  const rows = new Map<string, SqlRow>();
  for (const id of IDS.desk) {
    const { row } = history.stateAt('desk', id, from);
    if (row && matches(filter, row)) rows.set(id, row);
  }
  yield figuresOf([...rows.values()]);
  for (let commit = from + 1; commit <= to; commit++) {
    for (const { table, id, new: now } of history.changesOf(commit)) {
      if (table !== 'desk') continue;
      const before = rows.get(id);
      const after = now !== null && matches(filter, now) ? now : undefined;
      if (!before && !after) continue;
      if (after) rows.set(id, after);
      else rows.delete(id);
      yield figuresOf([...rows.values()]);
    }
  }
}

export function isSame(a: Figures, b: Figures): boolean {
  const isClose = (one: number | null, other: number | null) =>
    one === null || other === null ? one === other : Math.abs(one - other) < TOLERANCE;
  return a.exact === b.exact && a.means.every((mean, at) => isClose(mean, b.means[at]!));
}

export function figuresIn({ total, groups, missing, measures }: Summary): Figures {
  const kinds = Object.fromEntries(groups.kind!);
  const ends = MEASURED.map((name) => {
    const { reported, minimum, maximum } = measures[name]!;
    return [reported, minimum, maximum];
  });
  const means = MEASURED.map((name) => measures[name]!.average);
  return { exact: exactly(total, missing.studio!, kinds, ends), means };
}

function figuresOf(rows: readonly SqlRow[]): Figures {
  const kinds: Record<string, number> = {};
  for (const { kind } of rows) kinds[kind as string] = (kinds[kind as string] ?? 0) + 1;
  const valuesOf = MEASURED.map((name) =>
    rows.map((row) => row[name] as number | null).filter((value) => value !== null),
  );
  const ends = valuesOf.map((all) => [
    all.length,
    all.length ? Math.min(...all) : null,
    all.length ? Math.max(...all) : null,
  ]);
  const means = valuesOf.map((all) => (all.length ? all.reduce((sum, value) => sum + value, 0) / all.length : null));
  return { exact: exactly(rows.length, rows.filter((row) => row.studio_id === null).length, kinds, ends), means };
}

function exactly(total: number, homeless: number, kinds: Readonly<Record<string, number>>, ends: unknown): string {
  return JSON.stringify({ total, homeless, sitting: kinds.SITTING ?? 0, standing: kinds.STANDING ?? 0, ends });
}
