import {
  type Announced,
  type Change,
  type ChangeFeed,
  type ChangeLog,
  createPushStream,
  type LoggedMessage,
  type PushStream,
  type Replay,
} from '../changes/index.ts';
import type { Collection } from './definition/collection.ts';
import { normalizeId } from './definition/ids.ts';
import type { Identified } from './definition/record.ts';

/** What happened to a row, as those see it who look at some rows only. */
export type RowChangeKind = 'CREATED' | 'UPDATED' | 'DELETED' | 'ENTERED' | 'LEFT';

/** A change of one row. */
export interface RowChange<Row> {
  readonly kind: RowChangeKind;
  readonly id: string;
  /** The row after the change; `null`: deleted; `undefined`: not announced, because it is too big. */
  readonly record: Row | null | undefined;
  /** When it was made, in milliseconds since 1970; `undefined`: not announced. */
  readonly atMs: number | undefined;
  readonly position: string;
}

/** Changes may have been missed, so that clients fetch again what they show. */
export interface Refetch {
  readonly kind: 'REFETCH';
  readonly position: string;
}

export type RowEvent<Row> = RowChange<Row> | Refetch;

/** Which changes a subscriber wants. */
export interface WantedChanges<FilterGiven> {
  /** Of these rows; default: of all. */
  readonly ids?: readonly string[] | null;
  /** Of rows that fit the filter, before the change or after it. */
  readonly filter?: FilterGiven | null;
  /** Those after this position first; default: those from now on. */
  readonly since?: string | null;
}

/**
 * The changes of a collection's rows in the order of their commits.
 * @throws {StationmasterError} BAD_USER_INPUT with the field at fault: `filter`, or `since` when it is no position
 */
export function streamRowChanges<Row extends Identified, FilterGiven>(
  collection: Collection<Row, FilterGiven, string>,
  { ids, filter, since }: WantedChanges<FilterGiven>,
  { feed, log }: { readonly feed: ChangeFeed; readonly log: ChangeLog },
): PushStream<RowEvent<Row>, LoggedMessage | Refetch> {
  const judge = filter == null ? judgeAll(collection) : judgeByFilter(collection, filter);
  const wanted = ids && new Set(ids.map(normalizeId));
  const refetch = (position = log.position): Refetch => ({ kind: 'REFETCH', position });

  const eventsOf = (changes: readonly Change[], announced: Announced, skip = 0): RowEvent<Row>[] => {
    const events: RowEvent<Row>[] = [];
    for (let row = skip; row < changes.length; row++) {
      const change = changes[row]!;
      if (change.table !== collection.table || (wanted && !wanted.has(change.id))) continue;
      const seen = judge(change);
      if (!seen) continue;
      const position = log.positionIn(announced, row + 1);
      if (seen === 'unknown') events.push(refetch(position));
      else events.push({ ...seen, id: change.id, atMs: timeOf(change, seen.record) ?? announced.at, position });
    }
    return events;
  };

  const replayFrom = (position: string): Replay<LoggedMessage | Refetch> => {
    let reader = log.readAfter(position);
    return {
      next() {
        const message = reader ? reader.next() : 'lost';
        if (message !== 'lost') return message;
        // What comes while this is on its way belongs to the replay.
        reader = log.readFromNow();
        return refetch();
      },
    };
  };

  const eventsIn = (piece: LoggedMessage | Refetch): readonly RowEvent<Row>[] => {
    if ('kind' in piece) return [piece];
    const { announced, changes, skip, table } = piece;
    if (changes) return eventsOf(changes, announced, skip);
    return table === collection.table ? [refetch(log.positionIn(announced, 1))] : [];
  };

  return createPushStream<RowEvent<Row>, LoggedMessage | Refetch>(
    (push) =>
      feed.follow({
        onChanges: (changes, announced) => eventsOf(changes, announced).forEach(push),
        onTruncate: (table) => {
          if (table === collection.table) push(refetch());
        },
        onLive: () => push(refetch()),
      }),
    {
      isShared: true,
      keyOf: (event) => (event.kind === 'REFETCH' ? '*' : event.id),
      positionOf: ({ position }) => position,
      missed: refetch,
      replay: since == null ? undefined : replayFrom(since),
      eventsIn,
    },
  );
}

/** What is seen of a change; `null`: nothing. `unknown`: one of the rows is too big to be announced. */
type Judge<Row> = (change: Change) => Pick<RowChange<Row>, 'kind' | 'record'> | null | 'unknown';

function judgeAll<Row extends Identified>({ shape }: Collection<Row, unknown, string>): Judge<Row> {
  return ({ op, new: row }) => ({ kind: KIND_OF[op], record: row && (shape.fromJson(row) ?? undefined) });
}

function judgeByFilter<Row extends Identified, FilterGiven>(
  collection: Collection<Row, FilterGiven, string>,
  given: FilterGiven,
): Judge<Row> {
  const filter = collection.normalizeFilter(given);
  if (!filter) return () => null;
  return (change) => {
    const { old, record } = recordsOf(collection, change);
    if (old === undefined || record === undefined) return 'unknown';
    const fitted = old !== null && collection.filters.matches(filter, old);
    const fits = record !== null && collection.filters.matches(filter, record);
    if (!fitted && !fits) return null;
    if (change.op !== 'UPDATE' || fitted === fits) return { kind: KIND_OF[change.op], record };
    return { kind: fits ? 'ENTERED' : 'LEFT', record };
  };
}

/** When the row says that it was edited; `undefined`: this was no edit, or is not known to be one. */
function timeOf({ old, new: row }: Change, record: Identified | null | undefined): number | undefined {
  return row?.updated_at === old?.updated_at ? undefined : record?.updatedAtMs;
}

const KIND_OF = { INSERT: 'CREATED', UPDATE: 'UPDATED', DELETE: 'DELETED' } as const;

interface Records<Row> {
  readonly old: Row | null | undefined;
  readonly record: Row | null | undefined;
}

/** Each filter looks at each change, one after the other; those of one change find it decoded. */
const decoded = new WeakMap<Change, Records<unknown>>();

function recordsOf<Row extends Identified>({ shape }: Collection<Row, unknown, string>, change: Change): Records<Row> {
  let records = decoded.get(change) as Records<Row> | undefined;
  if (!records) {
    const recordOf = (row: Change['new']) => row && (shape.fromJson(row) ?? undefined);
    records = { old: recordOf(change.old), record: recordOf(change.new) };
    decoded.set(change, records);
  }
  return records;
}
