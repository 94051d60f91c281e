import type { World } from './fleet.ts';
import type { History, LiveAnswer, RowLog } from './history.ts';

/*
 * A restore takes every row back to the state it had in the dump, and its versions rise from there again. So the history
 * of a row before a restore and the one after it are judged separately.
 */

/** The rows at the time of a dump, while nothing was being written. */
export interface Bookmark {
  readonly writes: ReadonlyMap<RowLog, number>;
  readonly workstations: readonly RowLog[];
  /** The workstations of each writer. */
  readonly owned: readonly (readonly RowLog[])[];
}

export function bookmark({ history, workstations, owned }: World): Bookmark {
  return {
    writes: new Map(history.rows.map((row) => [row, row.writes.length])),
    workstations: [...workstations],
    owned: owned.map((rows) => [...rows]),
  };
}

/**
 * Begins another era with the rows of the bookmark, while nothing is being written. What was read while the rows were being
 * replaced, and until `judgedFromMs`, belongs to neither era.
 */
export function beginEra(world: World, mark: Bookmark, restoredFromMs: number, judgedFromMs: number): void {
  const { history } = world;
  history.earlier.push(endEra(history, restoredFromMs));
  history.judgedFromMs = judgedFromMs;
  const known = history.rows.filter((row) => mark.writes.has(row));
  for (const row of known) row.writes.length = mark.writes.get(row)!;
  const requested = new Set(mark.workstations);
  history.rows.splice(0, Number.MAX_SAFE_INTEGER, ...known.filter((row) => requested.has(row) || !isGone(row)));
  for (const subscription of history.subscriptions) {
    subscription.openedAtMs = judgedFromMs;
    subscription.events.length = 0;
    subscription.resumptions?.splice(0, subscription.resumptions.length - 1);
  }
  for (const live of history.liveQueries) {
    live.openedAtMs = judgedFromMs;
    // An answer that stays the same is not sent again.
    live.answers.splice(
      0,
      live.answers.length,
      ...live.answers.slice(-1).map((answer) => carried(answer, judgedFromMs)),
    );
  }
  world.workstations.splice(0, Number.MAX_SAFE_INTEGER, ...mark.workstations);
  world.owned.forEach((rows, index) => void rows.splice(0, Number.MAX_SAFE_INTEGER, ...mark.owned[index]!));
}

/** An answer that was sent before the history is judged, and stands until the next one. */
export function carried(answer: LiveAnswer, judgedFromMs: number): LiveAnswer {
  return { ...answer, atMs: judgedFromMs, isCarried: true };
}

function isGone({ writes }: RowLog): boolean {
  const last = writes.at(-1);
  return last?.kind === 'delete' && last.outcome === 'ok';
}

/** The history until the restore, with what happened to the same rows later removed from it. */
function endEra(history: History, endedAtMs: number): History {
  const reads = history.reads.splice(0);
  const judged = reads.filter((read) => read.endedAtMs < endedAtMs);
  history.unjudgedReads += reads.length - judged.length;
  const era: History = {
    ...history,
    rows: history.rows.map((row) => ({ ...row, writes: [...row.writes] })),
    reads: judged,
    subscriptions: history.subscriptions.map((subscription) => ({
      ...subscription,
      closedAtMs: Math.min(subscription.closedAtMs ?? endedAtMs, endedAtMs),
      events: subscription.events.filter(({ atMs }) => atMs < endedAtMs),
      ...(subscription.resumptions && { resumptions: [...subscription.resumptions] }),
    })),
    liveQueries: history.liveQueries.map((live) => ({
      ...live,
      closedAtMs: Math.min(live.closedAtMs ?? endedAtMs, endedAtMs),
      answers: live.answers.filter(({ atMs }) => atMs < endedAtMs),
    })),
    // What is counted or judged without the rows stays where it is.
    earlier: [],
    propagations: [],
    anomalies: [],
    failedReads: 0,
    unjudgedReads: 0,
  };
  keepOpen(history.subscriptions);
  keepOpen(history.liveQueries);
  return era;
}

function keepOpen(streams: { readonly closedAtMs: number | null }[]): void {
  const open = streams.filter(({ closedAtMs }) => closedAtMs === null);
  streams.splice(0, Number.MAX_SAFE_INTEGER, ...open);
}
