import { type Change, type ChangeFeed, createPushStream, type PushStream } from '../../changes/index.ts';
import { normalizeId } from '../../collections/index.ts';

export const WORKSTATION_CHANGED = 'workstationChanged';

/** A change; or `refetch` when changes may have been missed, so that clients fetch again what they show. */
export type WorkstationEvent = Change | 'refetch';

/** The changes of the workstations with these ids, or of all, from the moment of the call. */
export function streamWorkstationChanges(
  feed: ChangeFeed,
  ids: readonly string[] | null,
): PushStream<WorkstationEvent> {
  const wanted = ids && new Set(ids.map(normalizeId));
  return createPushStream<WorkstationEvent>(
    (push) =>
      feed.follow({
        onChanges: (changes) => {
          for (const change of changes) {
            if (change.table === 'workstation' && (!wanted || wanted.has(change.id))) push(change);
          }
        },
        onTruncate: (table) => {
          if (table === 'workstation') push('refetch');
        },
        onLive: () => push('refetch'),
      }),
    { isShared: true, keyOf: (event) => (event === 'refetch' ? '*' : event.id), missed: 'refetch' },
  );
}
