import { useApolloClient } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { useConnectionState } from '../../api/connection.ts';
import { FIELDS, LABELS, type WorkstationField } from '../../components/workstation-fields.tsx';
import type { WorkstationChangesSubscription } from '../../graphql/graphql.ts';
import { useSession } from '../../session/session.ts';
import { WORKSTATION_CHANGES } from './workstation-documents.ts';
import { type Details, showValue, valuesOf } from './workstation-values.ts';

const MAX_EDITS = 100;
const MAX_READINGS = 60;

/** A field that an edit changed. */
export interface FieldChange {
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

/** Something that happened to the workstation, other than a mere report. */
export interface Edit {
  readonly position: string;
  readonly at: string;
  readonly what: 'edited' | 'deleted' | 'added' | 'unknown';
  readonly changes: readonly FieldChange[];
}

export interface Reading {
  readonly at: string;
  readonly cpuUsage: number | null;
  readonly memoryUsage: number | null;
  readonly diskUsage: number | null;
}

export interface Changes {
  /** The newest first. */
  readonly edits: readonly Edit[];
  /** The newest last. */
  readonly readings: readonly Reading[];
}

type Event = WorkstationChangesSubscription['workstationChanged'];

/**
 * Follows every change of a workstation while the page is open. After a loss of the connection it goes on behind the last
 * event that arrived, so nothing is missed as long as the server remembers it.
 *
 * @param details what the page shows before the first event
 */
export function useChanges(id: string, details: Details | null | undefined): Changes {
  const client = useApolloClient();
  const { token } = useSession();
  const isLost = useConnectionState() === 'lost';
  const [changes, setChanges] = useState<Changes & { id: string }>({ id, edits: [], readings: [] });
  const previous = useRef<Details | null>(null);
  const since = useRef<{ id: string; position: string } | null>(null);
  if (details && previous.current?.id !== details.id) previous.current = details;

  // Begins anew, behind the last event, once the connection is lost: it waits for the next one.
  // So it does with a new token.
  useEffect(() => {
    const position = since.current?.id === id ? since.current.position : null;
    const subscription = client
      .subscribe({ query: WORKSTATION_CHANGES, variables: { id, since: position } })
      .subscribe({
        next({ data }) {
          if (!data) return;
          const event = data.workstationChanged;
          since.current = { id, position: event.position };
          const before = previous.current?.id === id ? previous.current : null;
          previous.current = event.workstation ?? before;
          setChanges((known) => append(known.id === id ? known : { id, edits: [], readings: [] }, before, event));
        },
        // The live query of the page says what is wrong.
        error() {},
      });
    return () => subscription.unsubscribe();
  }, [client, id, token, isLost]);

  return changes.id === id ? changes : { edits: [], readings: [] };
}

function append<Known extends Changes>(known: Known, before: Details | null, event: Event): Known {
  const edit = toEdit(before, event);
  const reading = toReading(before, event.workstation ?? null);
  return {
    ...known,
    edits: edit ? [edit, ...known.edits].slice(0, MAX_EDITS) : known.edits,
    readings: reading ? [...known.readings, reading].slice(-MAX_READINGS) : known.readings,
  };
}

function toEdit(before: Details | null, { kind, changedAt: at, position, workstation }: Event): Edit | null {
  if (kind === 'DELETED') return { position, at, what: 'deleted', changes: [] };
  if (kind === 'CREATED') return { position, at, what: 'added', changes: [] };
  if (kind === 'REFETCH') return { position, at, what: 'unknown', changes: [] };
  const changes = before && workstation ? compare(before, workstation) : [];
  return changes.length > 0 ? { position, at, what: 'edited', changes } : null;
}

function compare(before: Details, after: Details): FieldChange[] {
  const names = new Map(
    [before.manager, after.manager].flatMap((manager) => (manager ? [[manager.id, manager.name]] : [])),
  );
  const [from, to] = [valuesOf(before), valuesOf(after)];
  const show = (field: WorkstationField, value: string) => showValue(field, value, names);
  return FIELDS.filter((field) => from[field] !== to[field]).map((field) => ({
    field: LABELS[field],
    from: show(field, from[field]),
    to: show(field, to[field]),
  }));
}

/** Edits leave the time of the last report as it is. */
function toReading(before: Details | null, after: Details | null): Reading | null {
  if (!after?.lastSeenAt || after.lastSeenAt === before?.lastSeenAt) return null;
  const { lastSeenAt, cpuUsage = null, memoryUsage = null, diskUsage = null } = after;
  return { at: lastSeenAt, cpuUsage, memoryUsage, diskUsage };
}
