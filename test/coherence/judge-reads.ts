import { type Case, explainTooOld, findLie } from './case.ts';
import type { Observed, Read, ReadPart } from './history.ts';
import { judgeList, type ListReading } from './judge-lists.ts';
import { judgeSummary } from './judge-summaries.ts';
import { allowedDelayMs, deletionOf, fieldsOf, type Row, stateShownBy, statesDuring } from './rows.ts';
import { describeRead, describeState, lines, seconds } from './violations.ts';

export function judgeReads(given: Case): void {
  const { history, bounds } = given;
  const reads = history.reads.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
  const deletionSeenAtMs = findDeletionEvidence(given);
  const sessions = new Map<string, Map<Row, number>>();
  const playing = createRowsInPlay(given);
  for (const read of reads) {
    const delayMs = read.isStale ? Number.POSITIVE_INFINITY : allowedDelayMs(history.faults, read, bounds);
    const seen = new Map<Row, number>();
    const look = (observed: Observed) => judgeObserved(observed, { given, read, delayMs, deletionSeenAtMs, seen });
    const needsAll = read.parts.some(({ kind }) => kind !== 'record');
    const reading: ListReading = { given, read, delayMs, look, playing: needsAll ? playing(read) : [] };
    for (const part of read.parts) judgePart(part, reading);
    if (!read.isStale) judgeProgress(seen, read, sessions, given);
  }
}

/** Judges one part of an answer, except for what earlier answers have shown. */
export function judgePart(part: ReadPart, reading: ListReading): void {
  const { given, read, delayMs, look } = reading;
  if (part.kind === 'list') judgeList(part, reading);
  else if (part.kind === 'summary') judgeSummary(part, reading);
  else if (part.row) look(part.row);
  else judgeAbsence(part.id, given, read, delayMs);
}

export interface Look {
  readonly given: Case;
  readonly read: Read;
  readonly delayMs: number;
  readonly deletionSeenAtMs: ReadonlyMap<string, number>;
  /** The state of each row that the read showed. */
  readonly seen: Map<Row, number>;
}

/** Every value read was written; none is older than promised; deleted stays deleted. Returns the row. */
export function judgeObserved(observed: Observed, look: Look): Row | undefined {
  const { given, read, delayMs, deletionSeenAtMs, seen } = look;
  const { violations, history } = given;
  const row = given.rows.find(observed.id, observed.fields);
  const index = row ? stateShownBy(row, observed) : -1;
  const lie = row ? findLie(row, observed, read.endedAtMs) : 'a row that was never written';
  if (!row || lie) {
    violations.add('never-written', read.endedAtMs, `${observed.id} ${observed.version} ${read.instance}`, () =>
      lines(`${describeRead(read, history)} showed ${lie}:`, JSON.stringify(observed)),
    );
    return row;
  }
  seen.set(row, index);
  const sameness = `${row.log.name} ${index} ${read.instance}`;
  const deletedAtMs = deletionSeenAtMs.get(`${read.instance} ${row.log.name}`) ?? Number.POSITIVE_INFINITY;
  if (deletedAtMs <= read.startedAtMs) {
    violations.add('deleted-came-back', read.endedAtMs, sameness, () =>
      lines(
        `${describeRead(read, history)} showed ${row.log.name}: ${describeState(row, index)},`,
        `although the same instance had told by ${seconds(deletedAtMs)} that it is gone: ${describeState(row, row.states.length - 1)}.`,
      ),
    );
    return row;
  }
  const range = statesDuring(row, read, delayMs);
  if (index < range.oldest) {
    violations.add('stale-read', read.endedAtMs, sameness, () =>
      lines(
        `${describeRead(read, history)} showed ${row.log.name}: ${describeState(row, index)},`,
        ...explainTooOld(row, range, read, delayMs),
      ),
    );
  }
  return row;
}

function judgeAbsence(id: string, { rows, violations, history }: Case, read: Read, delayMs: number): void {
  const row = rows.find(id);
  if (!row) return;
  const range = statesDuring(row, read, delayMs);
  if (range.oldest < 0 || fieldsOf(row, range.newest) === null) return;
  violations.add('missing-row', read.endedAtMs, `${row.log.name} ${read.instance}`, () =>
    lines(
      `${describeRead(read, history)} found no ${row.log.name}, which was ${describeState(row, range.oldest)},`,
      `and then at most ${describeState(row, range.newest)}.`,
    ),
  );
}

/** When each instance first reported a row as deleted, by `instance name`: in the answer to a deletion or to a read. */
function findDeletionEvidence({ history, rows }: Case): Map<string, number> {
  const evidence = new Map<string, number>();
  const note = (instance: number, { log }: Row, atMs: number) => {
    const key = `${instance} ${log.name}`;
    evidence.set(key, Math.min(atMs, evidence.get(key) ?? Number.POSITIVE_INFINITY));
  };
  for (const row of rows.all) {
    const deletion = deletionOf(row);
    if (deletion?.outcome === 'ok' && deletion.via !== null) note(deletion.via, row, deletion.answeredAtMs!);
  }
  for (const read of history.reads) {
    for (const part of read.parts) {
      if (part.kind !== 'record' || part.row) continue;
      const row = rows.find(part.id);
      if (row && wasCreatedBefore(row, read)) note(read.instance, row, read.endedAtMs);
    }
  }
  return evidence;
}

/** A read by id: only the creation's answer contains the id, so the read began after the creation. */
function wasCreatedBefore({ states }: Row, { startedAtMs }: Read): boolean {
  const creation = states[0];
  return creation?.outcome === 'ok' && creation.answeredAtMs! <= startedAtMs && states.at(-1)!.kind === 'delete';
}

/** Each session is monotonic: a row's states never go back from one read to a later one. */
export function judgeProgress(
  seen: ReadonlyMap<Row, number>,
  read: Read,
  sessions: Map<string, Map<Row, number>>,
  { history, violations }: Case,
): void {
  const before = sessions.get(read.session) ?? new Map<Row, number>();
  sessions.set(read.session, before);
  for (const [row, index] of seen) {
    const last = before.get(row) ?? -1;
    if (index < last) {
      violations.add('went-backwards', read.endedAtMs, `${row.log.name} ${index} ${read.session}`, () =>
        lines(
          `${describeRead(read, history)} showed ${row.log.name}: ${describeState(row, index)},`,
          `although the session had seen it already as ${describeState(row, last)}.`,
        ),
      );
    } else {
      before.set(row, index);
    }
  }
}

/** Returns the rows that may exist during a read. Reads must be passed in the order of their start. */
function createRowsInPlay({ rows, bounds }: Case): (read: Read) => readonly Row[] {
  const waiting = rows.all
    .filter(({ log, states }) => log.table === 'workstation' && states.length > 0)
    .sort((a, b) => a.states[0]!.invokedAtMs - b.states[0]!.invokedAtMs);
  const longestDelayMs = Math.max(bounds.deltaMs, bounds.faultDeltaMs);
  let entered = 0;
  let playing: Row[] = [];
  return ({ startedAtMs, endedAtMs }) => {
    while (entered < waiting.length && waiting[entered]!.states[0]!.invokedAtMs <= endedAtMs) {
      playing.push(waiting[entered++]!);
    }
    const hasLeft = (row: Row) => {
      const deletion = deletionOf(row);
      return deletion?.outcome === 'ok' && deletion.answeredAtMs! < startedAtMs - longestDelayMs;
    };
    if (playing.some(hasLeft)) playing = playing.filter((row) => !hasLeft(row));
    return playing;
  };
}
