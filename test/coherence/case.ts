import type { History, Observed, Read } from './history.ts';
import { type Bounds, fieldsOf, type Row, type Rows, type StateRange, stateShownBy } from './rows.ts';
import { describeState, type Violations } from './violations.ts';

/** The input of the rules, and the collection for their findings. */
export interface Case {
  readonly history: History;
  readonly rows: Rows;
  readonly bounds: Bounds;
  readonly violations: Violations;
}

/** Describes what is wrong with an observed row at any time; `null` if a writer wrote exactly this row. */
export function findLie(row: Row, observed: Observed, endedAtMs: number): string | null {
  const { fields } = observed;
  const index = stateShownBy(row, observed);
  const state = row.states[index];
  const written = fieldsOf(row, index);
  if (!state || !written) return `a version of ${row.log.name} that was never written`;
  if (state.invokedAtMs > endedAtMs) return `${row.log.name} as it was only written later`;
  const wrong = Object.entries(fields).filter(([name, value]) => written[name] !== value);
  if (wrong.length === 0) return null;
  const differences = wrong.map(([name, value]) => `${name} ${brief(value)} instead of ${brief(written[name])}`);
  return `${row.log.name} at ${describeState(row, index)}, but with ${differences.join(', ')}`;
}

export function explainTooOld(row: Row, range: StateRange, read: Read, delayMs: number): string[] {
  const { number, via, answeredAtMs } = row.states[range.oldest]!;
  const ageMs = read.startedAtMs - answeredAtMs!;
  const allowedMs = via === read.instance ? 0 : delayMs;
  return [
    `although it was ${describeState(row, range.oldest)},`,
    `answered ${ageMs.toFixed(1)} ms before the read started; allowed: ${allowedMs} ms.`,
    ...(read.after
      ? [`The read carried the position of write ${read.after.number}, which covers write ${number}.`]
      : []),
  ];
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
