import { explainTooOld } from './case.ts';
import type { Fields, Figures, FinalRow, ReadPart, UsageFigures } from './history.ts';
import { type Candidate, candidatesOf, type ListReading, matches } from './judge-lists.ts';
import { fieldsOf } from './rows.ts';
import { describeRead, lines } from './violations.ts';

type SummaryPart = Extract<ReadPart, { kind: 'summary' }>;

/** The tolerance of a mean: a thousand times what the server promises to a hundred workstations. */
const MEAN_TOLERANCE = 1e-6;

/** A row that belongs to the summary in some of the states that the read may have seen. */
interface Member {
  readonly candidate: Candidate;
  /** Those in which it belongs. */
  readonly states: readonly Fields[];
  /** Whether these are all. */
  readonly isAlways: boolean;
}

/** How many members certainly count, and how many possibly do. */
interface Count {
  certain: number;
  possible: number;
}

/*
 * As a list, a summary may be any that was correct at some moment that the read may represent. Each figure is judged on its
 * own: a count is at least the number of rows that certainly count, and at most of those that possibly do.
 */
export function judgeSummary({ query, figures }: SummaryPart, reading: ListReading): void {
  const { given, read, delayMs } = reading;
  if (read.isStale) return;
  const members = findMembers(query, reading);
  const wrong = findWrongFigure(figures, members);
  if (wrong === null) return;
  given.violations.add('wrong-summary', read.endedAtMs, `${JSON.stringify(query)} ${wrong} ${read.instance}`, () =>
    lines(
      `${describeRead(read, given.history)} showed the summary of ${JSON.stringify(query)} with ${wrong}`,
      ...members
        .filter(({ candidate: { oldest, newest } }) => oldest < newest && oldest >= 0)
        .slice(0, 3)
        .flatMap(({ candidate }) => [
          `Uncertain: ${candidate.row.log.name}`,
          ...explainTooOld(candidate.row, candidate, read, delayMs),
        ]),
    ),
  );
}

function findMembers(query: SummaryPart['query'], reading: ListReading): Member[] {
  const members: Member[] = [];
  for (const candidate of candidatesOf(reading)) {
    const { row, oldest, newest } = candidate;
    const states: Fields[] = [];
    for (let index = oldest; index <= newest; index++) {
      const fields = fieldsOf(row, index);
      if (fields !== null && matches(query, fields)) states.push(fields);
    }
    if (states.length > 0) members.push({ candidate, states, isAlways: states.length === newest - oldest + 1 });
  }
  return members;
}

/** What is cheap to find comes first: a live query's answer is compared with hundreds of moments. */
function findWrongFigure(figures: Figures, members: readonly Member[]): string | null {
  const { total, unmanaged, byStatus, byOperatingSystem, cpuUsage } = figures;
  const check = (what: string, shown: number, counts: (fields: Fields) => boolean) =>
    describeWrong(what, shown, countMembers(members, counts));
  return (
    check('rows', total, () => true) ??
    check('rows without a manager', unmanaged, ({ managerId }) => managerId === null) ??
    check('rows with a processor usage', cpuUsage.reported, ({ cpuUsage }) => cpuUsage !== null) ??
    findWrongUsage(cpuUsage, members) ??
    findWrongShare('status', byStatus, members) ??
    (byOperatingSystem && findWrongShare('operatingSystem', byOperatingSystem, members))
  );
}

function countMembers(members: readonly Member[], counts: (fields: Fields) => boolean): Count {
  const count = { certain: 0, possible: 0 };
  for (const { states, isAlways } of members) {
    if (states.some(counts)) count.possible++;
    if (isAlways && states.every(counts)) count.certain++;
  }
  return count;
}

function findWrongShare(
  column: 'status' | 'operatingSystem',
  shown: ReadonlyMap<string, number>,
  members: readonly Member[],
): string | null {
  const counts = new Map<string, Count>();
  for (const { states, isAlways } of members) {
    const values = new Set(states.map((fields) => fields[column] as string));
    for (const value of values) {
      const count = counts.get(value) ?? { certain: 0, possible: 0 };
      counts.set(value, count);
      count.possible++;
      if (isAlways && values.size === 1) count.certain++;
    }
  }
  for (const value of new Set([...shown.keys(), ...counts.keys()])) {
    const count = counts.get(value) ?? { certain: 0, possible: 0 };
    const wrong = describeWrong(`rows with the ${column} ${value.slice(0, 40)}`, shown.get(value) ?? 0, count);
    if (wrong !== null) return wrong;
  }
  return null;
}

function describeWrong(what: string, shown: number, { certain, possible }: Count): string | null {
  if (shown >= certain && shown <= possible) return null;
  return `${shown} ${what}, where ${certain} certainly counted and ${possible} possibly.`;
}

function findWrongUsage(
  { reported, minimum, average, maximum }: UsageFigures,
  members: readonly Member[],
): string | null {
  if (reported === 0) {
    return minimum === null && average === null && maximum === null ? null : 'a usage that no row has reported.';
  }
  const [least, greatest] = [
    { low: Infinity, high: Infinity },
    { low: -Infinity, high: -Infinity },
  ];
  const sum = { low: 0, high: 0 };
  for (const { states, isAlways } of members) {
    const values = states.flatMap(({ cpuUsage }) => (cpuUsage === null ? [] : [cpuUsage as number]));
    if (values.length === 0) continue;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    least.low = Math.min(least.low, low);
    greatest.high = Math.max(greatest.high, high);
    sum.high += high;
    if (!isAlways || values.length < states.length) continue;
    least.high = Math.min(least.high, high);
    greatest.low = Math.max(greatest.low, low);
    sum.low += low;
  }
  const isWithin = (value: number | null, low: number, high: number) => value !== null && value >= low && value <= high;
  if (!isWithin(minimum, least.low, least.high))
    return `the minimum ${minimum}, not from ${least.low} to ${least.high}.`;
  if (!isWithin(maximum, greatest.low, greatest.high))
    return `the maximum ${maximum}, not from ${greatest.low} to ${greatest.high}.`;
  const [low, high] = [sum.low / reported - MEAN_TOLERANCE, sum.high / reported + MEAN_TOLERANCE];
  return isWithin(average, low, high) ? null : `the mean ${average}, not from ${low} to ${high}.`;
}

/** What is shown of the rows that PostgreSQL holds; `null` instead of what was not requested. */
export function summarize({ query, figures }: SummaryPart, finalRows: readonly FinalRow[]): Figures {
  const rows = finalRows.filter(({ table, fields }) => table === 'workstation' && matches(query, fields));
  const values = rows.flatMap(({ fields }) => (fields.cpuUsage === null ? [] : [fields.cpuUsage as number]));
  const countBy = (name: string) =>
    new Map([...Map.groupBy(rows, ({ fields }) => fields[name] as string)].map(([value, all]) => [value, all.length]));
  const isAny = values.length > 0;
  return {
    total: rows.length,
    unmanaged: rows.filter(({ fields }) => fields.managerId === null).length,
    byStatus: countBy('status'),
    byOperatingSystem: figures.byOperatingSystem && countBy('operatingSystem'),
    cpuUsage: {
      reported: values.length,
      minimum: isAny ? Math.min(...values) : null,
      average: isAny ? values.reduce((sum, value) => sum + value, 0) / values.length : null,
      maximum: isAny ? Math.max(...values) : null,
    },
  };
}

/** Both as texts, which are equal if the figures are. */
export function compareFigures(expected: Figures, shown: Figures): [expected: string, shown: string] {
  const [mean, shownMean] = [expected.cpuUsage.average, shown.cpuUsage.average];
  const isSame = mean !== null && shownMean !== null && Math.abs(mean - shownMean) < MEAN_TOLERANCE;
  const rounded = isSame ? { ...shown, cpuUsage: { ...shown.cpuUsage, average: mean } } : shown;
  return [showFigures(expected), showFigures(rounded)];
}

/** Equal for equal figures. */
export function showFigures({ total, unmanaged, byStatus, byOperatingSystem, cpuUsage }: Figures): string {
  const counts = (map: ReadonlyMap<string, number>) =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([value, count]) => `${count} ${value.slice(0, 40)}`);
  const { reported, minimum, average, maximum } = cpuUsage;
  const usage = `${reported} from ${minimum} to ${maximum}, ${average} on average`;
  return `${total}, ${unmanaged} unmanaged, ${counts(byStatus)}; ${usage}; ${byOperatingSystem ? counts(byOperatingSystem) : ''}`;
}
