import { useState } from 'react';
import type { WorkstationFilter } from '../../graphql/graphql.ts';
import { useMay } from '../../session/session.ts';
import { BulkDeleteDialog } from './bulk-delete-dialog.tsx';
import { BulkEditDialog } from './bulk-edit-dialog.tsx';
import { countSelected, MAX_SELECTED, type Selection, toSelectionFilter } from './selection.ts';

interface BulkBarProps {
  readonly selection: Selection;
  readonly total: number;
  /** That of the page. */
  readonly filter: WorkstationFilter | null;
  readonly onClear: () => void;
  readonly onDone: (message: string) => void;
}

/** What can be done with the selected rows. */
export function BulkBar({ selection, total, filter, onClear, onDone }: BulkBarProps) {
  const [opened, setOpened] = useState<'edit' | 'delete' | null>(null);
  const mayEdit = useMay('OPERATOR');
  const count = countSelected(selection, total);
  if (count === 0) return null;
  const target = toSelectionFilter(selection, filter);
  const reason = whyNot(mayEdit, target, selection);
  const done = (message: string) => {
    setOpened(null);
    onDone(message);
  };
  return (
    <section className="bulk-bar" aria-label="Selected workstations">
      <span role="status">
        <strong className="number">{count.toLocaleString()}</strong> selected
        {selection.kind === 'all' && filter !== null && <span className="muted"> (all that match)</span>}
      </span>
      {reason && (
        <span id="bulk-reason" className="muted">
          {reason}
        </span>
      )}
      <span className="bulk-actions">
        <button
          type="button"
          className="button button-primary"
          disabled={reason !== null}
          aria-describedby={reason ? 'bulk-reason' : undefined}
          onClick={() => setOpened('edit')}
        >
          Edit …
        </button>
        <button
          type="button"
          className="button button-danger"
          disabled={reason !== null}
          aria-describedby={reason ? 'bulk-reason' : undefined}
          onClick={() => setOpened('delete')}
        >
          Delete …
        </button>
        <button type="button" className="button" onClick={onClear}>
          Clear selection
        </button>
      </span>
      {opened === 'edit' && target && (
        <BulkEditDialog filter={target} count={count} onClose={() => setOpened(null)} onDone={done} />
      )}
      {opened === 'delete' && target && (
        <BulkDeleteDialog filter={target} onClose={() => setOpened(null)} onDone={done} />
      )}
    </section>
  );
}

function whyNot(mayEdit: boolean, target: WorkstationFilter | null, selection: Selection): string | null {
  if (!mayEdit) return 'To change them, sign in with the role OPERATOR.';
  if (target === null) return 'The API does not change the whole fleet at once. Filter first.';
  const named = selection.kind === 'some' ? selection.ids.size : selection.except.size;
  if (named > MAX_SELECTED) return `Up to ${MAX_SELECTED.toLocaleString()} can be picked one by one. Filter instead.`;
  return null;
}
