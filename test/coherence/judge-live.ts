import type { Case } from './case.ts';
import type { Fault, Fields, LiveAnswer, LiveQueryLog, Observed, Read, ReadPart } from './history.ts';
import { judgeFinalPart } from './judge-final.ts';
import { matches, someState } from './judge-lists.ts';
import { judgeObserved, judgePart, judgeProgress } from './judge-reads.ts';
import { showFigures } from './judge-summaries.ts';
import { allowedDelayMs, deletionOf, firstIndex, type Row, stateShownBy, statesDuring } from './rows.ts';
import { concerns, findTurns, type Turn, type Turns } from './turns.ts';
import { createViolations, describeRead, lines, seconds, type Violations } from './violations.ts';

/*
 * Each part of a live query's answer equals the database at some moment, which is not before that of the answer before it.
 * An answer stands until the next one, so at any time it is right for a moment within the bound before that time. While an
 * instance may have lost its feed, the last answer stands.
 */

/** How long after its failure a query is executed again, at the latest, while nothing changes. */
const RETRY_MS = 2000;

/** Reads of the same time tell how slow the machine was: an answer needs loads as they do, and waits for its turn. */
const READS_PER_ANSWER = 4;
const PERIOD_MS = 1000;

/** @returns how old the changes were that answers brought in, in milliseconds */
export function judgeLiveQueries(given: Case): number[] {
  const common = { given, turns: findTurns(given.rows.all), slowestMs: slowestReads(given.history.reads), agesMs: [] };
  for (const live of given.history.liveQueries) judgeLiveQuery(createTrial(live, common));
  return common.agesMs;
}

/** The longest read by instance and period. */
function slowestReads(reads: readonly Read[]): ReadonlyMap<string, number> {
  const slowestMs = new Map<string, number>();
  for (const { instance, startedAtMs, endedAtMs } of reads) {
    for (let period = Math.floor(startedAtMs / PERIOD_MS); period * PERIOD_MS <= endedAtMs; period++) {
      const key = `${instance} ${period}`;
      slowestMs.set(key, Math.max(slowestMs.get(key) ?? 0, endedAtMs - startedAtMs));
    }
  }
  return slowestMs;
}

interface TrialParts {
  readonly given: Case;
  readonly slowestMs: ReadonlyMap<string, number>;
  readonly turns: Turns;
  readonly agesMs: number[];
}

/** What it takes to judge the answers of one live query. */
interface Trial extends TrialParts {
  readonly live: LiveQueryLog;
  /** The workstations that exist at some time of the query. */
  readonly rows: readonly Row[];
}

/** What an answer showed of a part. */
interface Shown {
  /** The earliest moment that it can be of. */
  readonly momentMs: number;
  readonly text: string;
  /** How often the part has changed at that moment. */
  readonly changes: number;
}

function createTrial(live: LiveQueryLog, parts: TrialParts): Trial {
  const { given } = parts;
  const fromMs = oldestMoment(live.openedAtMs, { ...parts, live });
  const untilMs = live.closedAtMs ?? Number.POSITIVE_INFINITY;
  const rows = given.rows.all.filter(({ log, states }) => {
    const deletion = deletionOf({ log, states });
    const isOver = deletion?.outcome === 'ok' && deletion.answeredAtMs! < fromMs;
    return log.table === 'workstation' && states.length > 0 && states[0]!.invokedAtMs <= untilMs && !isOver;
  });
  return { ...parts, live, rows };
}

function judgeLiveQuery(trial: Trial): void {
  const { live, given } = trial;
  const { answers, openedAtMs, closedAtMs } = live;
  /** By the parts of the last answer. */
  const shown = new Map<string, Shown>();
  const sessions = new Map<string, Map<Row, number>>();
  if (answers.length === 0) judgeSilence(trial, openedAtMs);
  answers.forEach((answer, index) => {
    const read = readOf(answer, index, live);
    if (!answer.isCarried) judgeArrival(answer, read, trial, shown, sessions);
    judgeStanding(answer, read, answers[index + 1]?.atMs ?? closedAtMs, trial, shown);
  });
  const { finalRows } = given.history;
  if (!live.isFinal || !finalRows) return;
  const last = answers.at(-1);
  const parts = last && !last.isStale ? last.parts : null;
  if (!parts) judgeSilence(trial, Number.NEGATIVE_INFINITY);
  const read = last && { ...readOf(last, answers.length - 1, live), session: `${live.name}, at the end` };
  for (const part of parts ?? []) judgeFinalPart(part, read!, finalRows, given.history, given.violations);
}

/** An answer as if it were that of a read. */
function readOf(
  { atMs, isStale, parts }: LiveAnswer,
  index: number,
  { name, instance, openedAtMs }: LiveQueryLog,
): Read {
  const startedAtMs = index === 0 ? openedAtMs : atMs;
  const common = { number: index + 1, session: name, instance, startedAtMs, endedAtMs: atMs };
  return { ...common, isStale, isFinal: false, parts: parts ?? [] };
}

/** The query was not answered since a time. */
function judgeSilence(trial: Trial, sinceMs: number): void {
  const { live, given } = trial;
  const { violations } = given;
  const endedAtMs = live.closedAtMs ?? Number.POSITIVE_INFINITY;
  const fromMs = oldestMoment(endedAtMs, trial);
  if (fromMs - RETRY_MS <= sinceMs) return;
  violations.add('missing-live-answer', endedAtMs, live.name, () =>
    lines(
      `${describeLive(live)} had no answer when it ended ${seconds(endedAtMs)}, and was opened ${seconds(live.openedAtMs)}.`,
    ),
  );
}

/** What is shown was written, no row goes back, and each part is of a moment after the last. */
function judgeArrival(
  { atMs, isStale, parts }: LiveAnswer,
  read: Read,
  trial: Trial,
  shown: Map<string, Shown>,
  sessions: Map<string, Map<Row, number>>,
): void {
  const { live, given } = trial;
  const { faults } = given.history;
  if (!parts) return;
  const isFirst = read.number === 1;
  const seen = new Map<Row, number>();
  // As of any read; later answers are held to what was shown before.
  const delayMs = isFirst && !isStale ? allowedDelayMs(faults, read, given.bounds) : Number.POSITIVE_INFINITY;
  const judged = { given, read, delayMs, deletionSeenAtMs: new Map<string, number>(), seen };
  const reading = {
    ...judged,
    look: (row: Parameters<typeof judgeObserved>[0]) => judgeObserved(row, judged),
    playing: trial.rows,
  };
  for (const part of parts) judgePart(part, { ...reading, read: isFirst ? read : { ...read, isStale: true } });
  if (isStale) return;
  judgeProgress(seen, read, sessions, given);
  // The first answer is as fresh as any read.
  const oldestMs = isFirst ? read.startedAtMs - delayMs : oldestMoment(atMs, trial);
  for (const part of piecesOf(parts)) {
    const last = shown.get(keyOf(part));
    const fromMs = Math.max(last?.momentMs ?? Number.NEGATIVE_INFINITY, oldestMs);
    const now = placeShown(part, fromMs, atMs, trial, last);
    shown.set(keyOf(part), now ?? { momentMs: fromMs, text: textOf(part), changes: 0 });
    if (now && last && now.text !== last.text) trial.agesMs.push(atMs - now.momentMs);
    if (now) continue;
    given.violations.add('wrong-live-answer', atMs, `${live.name} ${keyOf(part)}`, () =>
      lines(
        `${describeLive(live)} was answered ${seconds(atMs)} with ${describePart(part)},`,
        `which was right at no moment since ${seconds(fromMs)}${fromMs > oldestMs ? ', that of the answer before it' : ''}:`,
        explainAt(part, atMs, trial),
      ),
    );
  }
}

/** While the answer stood, it was right for a moment within the bound. */
function judgeStanding(
  { atMs, isStale, parts }: LiveAnswer,
  read: Read,
  untilMs: number | null,
  trial: Trial,
  shown: Map<string, Shown>,
): void {
  const { live, given } = trial;
  const { faults } = given.history;
  const endMs = untilMs ?? Number.POSITIVE_INFINITY;
  const faultStarts = faults.filter(
    (fault) => isOf(fault, live.instance) && fault.fromMs > atMs && fault.fromMs < endMs,
  );
  const checkedAtMs = faultStarts.map(({ fromMs }) => fromMs);
  // The end of the run is judged by the state that PostgreSQL has then.
  if (untilMs !== null) checkedAtMs.push(untilMs);
  for (const checkMs of checkedAtMs) {
    const fromMs = oldestMoment(checkMs, trial);
    const isLasting = !parts || isStale;
    if (isLasting ? fromMs - RETRY_MS <= atMs : fromMs <= atMs) continue;
    const late = isLasting ? null : piecesOf(parts).find((part) => isTooOld(part, fromMs, checkMs, trial, shown));
    if (late === undefined) continue;
    given.violations.add('missing-live-answer', checkMs, `${live.name} ${late ? keyOf(late) : ''}`, () =>
      lines(
        `${describeRead(read, given.history)} was still the last answer of ${describeLive(live)} at ${seconds(checkMs)}`,
        `(${untilMs === null ? 'no other came' : `until ${seconds(untilMs)}`}),`,
        ...(late
          ? [
              `and ${describePart(late)} had been wrong since ${seconds(fromMs)}, or before:`,
              explainAt(late, fromMs, trial),
            ]
          : ['although it failed, or was stale.']),
      ),
    );
    return;
  }
}

function isTooOld(part: ReadPart, fromMs: number, untilMs: number, trial: Trial, shown: Map<string, Shown>): boolean {
  const last = shown.get(keyOf(part));
  if (last && last.momentMs >= fromMs) return false;
  const now = placeShown(part, fromMs, untilMs, trial, last);
  if (now) shown.set(keyOf(part), now);
  return now === null;
}

/**
 * The oldest moment that an answer may be of which stands at a time. While a fault lasts, that is the one before the fault.
 * The faults of a history follow one another.
 */
function oldestMoment(atMs: number, { live, given, slowestMs }: Pick<Trial, 'live' | 'given' | 'slowestMs'>): number {
  const { history, bounds } = given;
  const { instance, throttleMs } = live;
  let boundMs = bounds.liveDeltaMs + throttleMs;
  let slowest = 0;
  const last = Math.floor(Math.min(atMs, Number.MAX_SAFE_INTEGER) / PERIOD_MS);
  for (let period = Math.floor((atMs - boundMs) / PERIOD_MS); period <= last; period++) {
    slowest = Math.max(slowest, slowestMs.get(`${instance} ${period}`) ?? 0);
  }
  boundMs += READS_PER_ANSWER * slowest;
  let fromMs = atMs - boundMs;
  for (const fault of history.faults.toReversed()) {
    const isUnderWay = isOf(fault, instance) && fault.fromMs < atMs && fault.toMs >= fromMs;
    if (isUnderWay) fromMs = Math.min(fromMs, fault.fromMs - boundMs);
  }
  return fromMs;
}

function isOf(fault: Fault, instance: number): boolean {
  return fault.instance === null || fault.instance === instance;
}

/** The first moment from one time to another that the part can be of, after what was shown of it before. */
function placeShown(part: ReadPart, fromMs: number, toMs: number, trial: Trial, last?: Shown): Shown | null {
  const text = textOf(part);
  const before = last?.momentMs === fromMs ? last : undefined;
  const changes = (before?.changes ?? 0) + (before && before.text !== text ? 1 : 0);
  let wasRight = isRightAt(part, fromMs, trial);
  if (wasRight && (before?.text === text || changes <= countOpenWrites(part, fromMs, trial))) {
    return { momentMs: fromMs, text, changes };
  }
  const turns = turnsFor(part, trial);
  for (let index = firstIndex(turns, ({ atMs }) => atMs > fromMs); index < turns.length; index++) {
    const turn = turns[index]!;
    if (turn.atMs > toMs) return null;
    // Nothing but a turn that concerns it makes right what was wrong.
    if (!wasRight && part.kind !== 'record' && !concerns(turn, part)) continue;
    // Where it was wrong until then, one of the writes of that moment has made it right.
    if (isRightAt(part, turn.atMs, trial)) return { momentMs: turn.atMs, text, changes: wasRight ? 0 : 1 };
    wasRight = false;
  }
  return null;
}

function turnsFor(part: ReadPart, { turns, given }: Trial): readonly Turn[] {
  if (part.kind !== 'record') return turns.all;
  const row = given.rows.find(part.id, part.row?.fields);
  return row ? turns.of(row) : [];
}

/** How many writes that concern the part can have taken effect at a moment, or not yet. */
function countOpenWrites(part: ReadPart, atMs: number, { rows }: Trial): number {
  if (part.kind === 'record') return Number.POSITIVE_INFINITY;
  let count = 0;
  for (const row of rows) {
    const { oldest, newest } = statesDuring(row, instant(atMs), 0);
    if (oldest === newest) continue;
    const isMember = (fields: Fields | null) => fields !== null && matches(part.query, fields);
    if (someState({ row, oldest, newest }, isMember)) count += newest - oldest;
  }
  return count;
}

/** Equal for equal parts. The rows of a page are parts of their own. */
function textOf(part: ReadPart): string {
  if (part.kind === 'record') return '';
  if (part.kind === 'summary') return showFigures(part.figures);
  return part.page ? `${part.page.nodes.map(({ id }) => id)} ${part.page.hasNextPage}` : String(part.totalCount);
}

function isRightAt(part: ReadPart, atMs: number, trial: Trial): boolean {
  const { given } = trial;
  if (part.kind === 'record' && part.row) {
    const row = given.rows.find(part.row.id, part.row.fields);
    if (!row) return true;
    const index = stateShownBy(row, part.row);
    const { oldest, newest } = statesDuring(row, instant(atMs), 0);
    return index >= oldest && index <= newest;
  }
  let isRight = true;
  const add = () => {
    isRight = false;
  };
  judgeAt(part, atMs, trial, { found: [], add });
  return isRight;
}

function explainAt(part: ReadPart, atMs: number, trial: Trial): string {
  const violations = createViolations();
  judgeAt(part, atMs, trial, violations);
  return violations.found[0]?.text ?? `at ${seconds(atMs)} nothing was wrong with it.`;
}

/** Judges a part of an answer as if it had been read at one moment. The rows of a list are parts of their own. */
function judgeAt(part: ReadPart, atMs: number, { given, rows, live }: Trial, violations: Violations): void {
  const read: Read = {
    ...instant(atMs),
    number: 0,
    session: `a reader at the moment ${seconds(atMs)}`,
    instance: live.instance,
    isStale: false,
    isFinal: false,
    parts: [part],
  };
  const judged = { given: { ...given, violations }, read, delayMs: 0, deletionSeenAtMs: new Map(), seen: new Map() };
  const look = (observed: Observed) =>
    part.kind === 'record' ? judgeObserved(observed, judged) : given.rows.find(observed.id, observed.fields);
  judgePart(part, { ...judged, look, playing: rows });
}

function instant(atMs: number) {
  return { startedAtMs: atMs, endedAtMs: atMs, instance: 0 };
}

/** What the cache holds apart: a list, its count and its rows can be of different moments. */
function piecesOf(parts: readonly ReadPart[]): ReadPart[] {
  return parts.flatMap((part): ReadPart[] => {
    if (part.kind !== 'list' || !part.page) return [part];
    const rows = part.page.nodes.map((row): ReadPart => ({ kind: 'record', id: row.id, row }));
    const count: ReadPart[] = part.totalCount === null ? [] : [{ ...part, page: null }];
    return [{ ...part, totalCount: null }, ...count, ...rows];
  });
}

function keyOf(part: ReadPart): string {
  return part.kind === 'record' ? part.id : `${nameOf(part)} ${JSON.stringify(part.query)}`;
}

function describePart(part: ReadPart): string {
  return part.kind === 'record' ? `the row ${part.id}` : `the ${nameOf(part)} ${JSON.stringify(part.query)}`;
}

function nameOf(part: Exclude<ReadPart, { kind: 'record' }>): string {
  return part.kind === 'list' && !part.page ? 'count' : part.kind;
}

function describeLive({ name, instance, throttleMs }: LiveQueryLog): string {
  return `the live query ${name} on instance ${instance} (every ${throttleMs} ms)`;
}
