import type { Rule as CoherenceRule } from '../coherence/violations.ts';

export type Rule =
  | Extract<
      CoherenceRule,
      | 'never-written'
      | 'stale-read'
      | 'went-backwards'
      | 'deleted-came-back'
      | 'missing-row'
      | 'wrong-count'
      | 'wrong-summary'
    >
  /** A page differs from every page that was right while it was read. */
  | 'wrong-page'
  /** Something took longer than anything may, or will never end. */
  | 'never-ended'
  /** A read failed although there was no outage. */
  | 'failed';

export interface Violation {
  readonly rule: Rule;
  readonly atMs: number;
  /** The explanation. */
  readonly text: string;
  /** What happened before it to what it is about, one event a line. */
  readonly events: readonly string[];
}
