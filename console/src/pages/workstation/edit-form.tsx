import { useSubmit } from '../../api/use-submit.ts';
import { Conflict } from '../../components/conflict.tsx';
import { Form } from '../../components/form.tsx';
import { useVersionedForm } from '../../components/use-versioned-form.ts';
import { inputOf, LABELS, useManagerNames, WorkstationFields } from '../../components/workstation-fields.tsx';
import { useMay } from '../../session/session.ts';
import { UPDATE_WORKSTATION } from './workstation-documents.ts';
import { type Details, showValue, valuesOf } from './workstation-values.ts';

interface EditFormProps {
  readonly details: Details;
  readonly onSaved: () => void;
  readonly onCancel: () => void;
}

/** Edits a workstation that others may edit at the same time: it is saved only if it is still as the form was opened with. */
export function EditForm({ details, onSaved, onCancel }: EditFormProps) {
  const current = { version: details.version, values: valuesOf(details) };
  const form = useVersionedForm(current);
  const mayEdit = useMay('OPERATOR');
  const { submit, isBusy, problem, reset } = useSubmit(UPDATE_WORKSTATION);
  const managerNames = useManagerNames(details.manager);
  const isRefused = problem?.code === 'STALE_VERSION';
  // A status that a report changes is no reason to stop: it is saved only if the form changes it.
  const hasConflict = isRefused || (form.changedByOthers.length > 0 && current.version !== form.opened.version);

  const save = async (expectedVersion: number) => {
    const values = inputOf(form.draft);
    const input = Object.fromEntries(form.changed.map((field) => [field, values[field]]));
    if (await submit({ id: details.id, input: { ...input, expectedVersion } })) onSaved();
  };

  return (
    <Form
      label="Edit the workstation"
      action="Save"
      isBusy={isBusy}
      isReady={mayEdit && form.changed.length > 0}
      onSubmit={() => void save(form.opened.version)}
      onCancel={onCancel}
    >
      {hasConflict && (
        <Conflict
          form={form}
          current={current}
          labels={LABELS}
          show={(field, value) => showValue(field, value, managerNames.known)}
          isRefused={isRefused}
          isBusy={isBusy}
          onReload={() => {
            form.takeCurrent();
            reset();
          }}
          onOverwrite={() => {
            form.rebase();
            void save(current.version);
          }}
        />
      )}
      <WorkstationFields
        values={form.draft}
        problem={isRefused ? null : problem}
        managerNames={managerNames}
        onChange={form.set}
      />
    </Form>
  );
}
