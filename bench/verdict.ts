/** Whether a goal was met. */
export interface Verdict {
  readonly goal: string;
  /** The measured value in the unit of the goal; `null` if something it needs was not measured. */
  readonly measured: number | null;
  readonly isMet: boolean | null;
  /** In percent of the goal; 0 if it is met. */
  readonly missedByPercent: number;
}

export function atLeast(goal: string, measured: number | null, bound: number): Verdict {
  return judge(goal, measured, (value) => (bound - value) / bound);
}

export function atMost(goal: string, measured: number | null, bound: number): Verdict {
  return judge(goal, measured, (value) => (value - bound) / (bound || 1));
}

/** Above it the process that sends or receives was the limit, and a row says nothing about its server. */
export function notTheLimit(generator: string, percent: number): Verdict {
  return atMost(`${generator} at most 95 % busy in every row`, percent, 95);
}

export function levelWithBaseline(ratio: number | null): Verdict {
  return atLeast('at least 0.97 of the baseline', ratio, 0.97);
}

function judge(goal: string, measured: number | null, shortfall: (value: number) => number): Verdict {
  if (measured === null || !Number.isFinite(measured)) {
    return { goal, measured: null, isMet: null, missedByPercent: 0 };
  }
  const missedBy = shortfall(measured);
  return { goal, measured, isMet: missedBy <= 0, missedByPercent: missedBy <= 0 ? 0 : 100 * missedBy };
}

export function verdictInWords({ goal, measured, isMet, missedByPercent }: Verdict): string {
  if (measured === null) return `not judged: ${goal} (what it is compared with was not measured)`;
  const figure = Number(measured.toPrecision(3));
  return isMet
    ? `met: ${goal}; measured ${figure}`
    : `missed by ${Math.ceil(missedByPercent)} %: ${goal}; measured ${figure}`;
}
