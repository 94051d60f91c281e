import { useEffect, useState } from 'react';
import { useSubmit } from '../../api/use-submit.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { countOf } from '../../components/count-of.ts';
import { Loading } from '../../components/loading.tsx';
import type { WorkstationFilter } from '../../graphql/graphql.ts';
import { DELETE_WORKSTATIONS } from './documents.ts';

interface BulkDeleteDialogProps {
  readonly filter: WorkstationFilter;
  readonly onClose: () => void;
  readonly onDone: (message: string) => void;
}

/** Asks for a confirmation that says how many, as the server counts them when the dialog opens. */
export function BulkDeleteDialog({ filter, onClose, onDone }: BulkDeleteDialogProps) {
  const { submit, isBusy, problem } = useSubmit(DELETE_WORKSTATIONS);
  const [matched, setMatched] = useState<number | null>(null);
  // Once, when the dialog opens
  useEffect(() => {
    void submit({ filter, dryRun: true }).then((data) => setMatched(data?.deleteWorkstations.matched ?? null));
  }, []);
  const confirm = async () => {
    const data = await submit({ filter, dryRun: false });
    if (data) onDone(`${data.deleteWorkstations.changed.toLocaleString()} workstations were deleted.`);
  };
  return (
    <ConfirmDialog
      title="Delete workstations"
      action={matched === null ? 'Delete' : `Delete ${countOf(matched, 'workstation')}`}
      isBusy={isBusy}
      isReady={matched !== null && matched > 0}
      problem={problem}
      onConfirm={confirm}
      onClose={onClose}
    >
      {matched === null && !problem && <Loading what="how many there are" />}
      {matched !== null && (
        <p>{countOf(matched, 'workstation')} will be deleted for good. Agents that report them lose their keys.</p>
      )}
    </ConfirmDialog>
  );
}
