import { useEffect, useRef } from 'react';
import type { FleetRow } from './documents.ts';

/** How long a change is marked, as the style sheet has it. */
const MARKED_MS = 1600;

interface Seen {
  readonly row: FleetRow;
  readonly changes: number;
  readonly changedAtMs: number;
}

/**
 * Tells which of the rendered rows have just changed. A row that only comes into view has not.
 * @returns the class of a row: two take turns, so that a change during the mark of another one starts it again
 */
export function useChangedRows(rows: readonly FleetRow[]): (id: string) => string {
  const seen = useRef(new Map<string, Seen>());
  const nowMs = performance.now();
  const next = new Map<string, Seen>();
  for (const row of rows) {
    const before = seen.current.get(row.id);
    const hasChanged = before !== undefined && before.row !== row && differs(before.row, row);
    next.set(row.id, {
      row,
      changes: (before?.changes ?? 0) + (hasChanged ? 1 : 0),
      changedAtMs: hasChanged ? nowMs : (before?.changedAtMs ?? Number.NEGATIVE_INFINITY),
    });
  }
  useEffect(() => {
    seen.current = next;
  });
  return (id) => {
    const { changes = 0, changedAtMs = 0 } = next.get(id) ?? {};
    return changes > 0 && nowMs - changedAtMs < MARKED_MS ? `row-changed-${changes % 2}` : '';
  };
}

/** The time of the last report alone is no news. */
function differs(a: FleetRow, b: FleetRow): boolean {
  return (Object.keys(b) as (keyof FleetRow)[]).some(
    (key) => key !== 'lastSeenAt' && JSON.stringify(a[key]) !== JSON.stringify(b[key]),
  );
}
