import { useSubmit } from '../../api/use-submit.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { countOf } from '../../components/count-of.ts';
import { DELETE_MANAGER } from './manager-documents.ts';
import type { ManagerRow } from './managers-page.tsx';

interface DeleteManagerProps {
  readonly manager: ManagerRow;
  readonly onDone: (message: string) => void;
  readonly onClose: () => void;
}

export function DeleteManager({ manager, onDone, onClose }: DeleteManagerProps) {
  const { submit, isBusy, problem } = useSubmit(DELETE_MANAGER);
  const { id, name, workstations } = manager;
  const confirm = async () => {
    if (await submit({ id })) onDone(`${name} was deleted.`);
  };
  return (
    <ConfirmDialog
      title={`Delete ${name}?`}
      action="Delete"
      isBusy={isBusy}
      problem={problem}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>
        {workstations.totalCount > 0
          ? `${countOf(workstations.totalCount, 'workstation')} will be without a manager.`
          : 'No workstation has this manager.'}{' '}
        This cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
