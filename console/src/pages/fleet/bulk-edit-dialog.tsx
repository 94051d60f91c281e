import { useState } from 'react';
import { fieldError, formProblem, useSubmit } from '../../api/use-submit.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Field } from '../../components/field.tsx';
import { Form } from '../../components/form.tsx';
import { ManagerPicker, type PickedManager } from '../../components/manager-picker.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { STATUS_LABELS, STATUSES } from '../../components/status-badge.tsx';
import { UPDATE_WORKSTATIONS } from '../../components/update-workstations.ts';
import { splitTags } from '../../components/workstation-fields.tsx';
import type { UpdateWorkstationsInput, WorkstationFilter, WorkstationStatus } from '../../graphql/graphql.ts';
import { NO_MANAGER } from './filter-bar.tsx';

interface BulkEditDialogProps {
  readonly filter: WorkstationFilter;
  readonly count: number;
  readonly onClose: () => void;
  readonly onDone: (message: string) => void;
}

interface Draft {
  readonly status: WorkstationStatus | '';
  /** `null`: left as it is. */
  readonly manager: PickedManager | null;
  readonly addTags: string;
  readonly removeTags: string;
}

const FIELDS = ['status', 'managerId', 'addTags', 'removeTags'];
const UNCHANGED: Draft = { status: '', manager: null, addTags: '', removeTags: '' };

/** Changes the selected workstations in two steps: first it says what would change, then it changes that. */
export function BulkEditDialog({ filter, count, onClose, onDone }: BulkEditDialogProps) {
  const [draft, setDraft] = useState(UNCHANGED);
  const [preview, setPreview] = useState<{ matched: number; changed: number } | null>(null);
  const { submit, isBusy, problem, reset } = useSubmit(UPDATE_WORKSTATIONS);
  const input = toInput(draft);
  const isEmpty = Object.keys(input).length === 0;
  const isPreviewed = preview !== null && preview.changed > 0;
  const change = (part: Partial<Draft>) => {
    setDraft({ ...draft, ...part });
    setPreview(null);
    reset();
  };
  const send = async () => {
    const data = await submit({ filter, input, dryRun: !isPreviewed });
    const result = data?.updateWorkstations ?? null;
    if (!isPreviewed || result === null) setPreview(result);
    else onDone(`${result.changed.toLocaleString()} of ${result.matched.toLocaleString()} workstations were changed.`);
  };
  const rest = formProblem(problem, FIELDS);
  return (
    <Dialog title={`Edit ${count.toLocaleString()} workstations`} onClose={onClose}>
      <Form
        action={isPreviewed ? `Change ${preview.changed.toLocaleString()} workstations` : 'Preview'}
        isBusy={isBusy}
        isReady={isPreviewed || (!isEmpty && preview === null)}
        onSubmit={send}
        onCancel={onClose}
      >
        <Field label="Status" error={fieldError(problem, 'status')}>
          {(control) => (
            <select
              {...control}
              className="input"
              value={draft.status}
              onChange={({ target }) => change({ status: target.value as Draft['status'] })}
            >
              <option value="">Leave as it is</option>
              {STATUSES.map((status) => (
                <option key={status} value={status}>
                  {STATUS_LABELS[status]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Manager" error={fieldError(problem, 'managerId')}>
          {(control) => (
            <ManagerPicker
              control={control}
              value={draft.manager}
              others={[{ id: '', name: 'Leave as it is' }, NO_MANAGER]}
              onChange={(manager) => change({ manager })}
            />
          )}
        </Field>
        <TagsField
          label="Add tags"
          value={draft.addTags}
          error={fieldError(problem, 'addTags')}
          onChange={(addTags) => change({ addTags })}
        />
        <TagsField
          label="Remove tags"
          value={draft.removeTags}
          error={fieldError(problem, 'removeTags')}
          onChange={(removeTags) => change({ removeTags })}
        />
        {rest && <ProblemNotice problem={rest} />}
        {preview && (
          <Notice tone="info">
            {preview.changed === 0
              ? `Nothing would change: all ${preview.matched.toLocaleString()} are like this already.`
              : `${preview.changed.toLocaleString()} of ${preview.matched.toLocaleString()} workstations would change. Nothing has been changed yet.`}
          </Notice>
        )}
      </Form>
    </Dialog>
  );
}

interface TagsFieldProps {
  readonly label: string;
  readonly value: string;
  readonly error: string | null;
  readonly onChange: (value: string) => void;
}

function TagsField({ label, value, error, onChange }: TagsFieldProps) {
  return (
    <Field label={label} error={error} hint="Several with commas between them">
      {(control) => (
        <input
          {...control}
          className="input"
          autoComplete="off"
          value={value}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}

function toInput({ status, manager, addTags, removeTags }: Draft): UpdateWorkstationsInput {
  const [added, removed] = [splitTags(addTags), splitTags(removeTags)];
  return {
    ...(status && { status }),
    ...(manager && { managerId: manager.id === NO_MANAGER.id ? null : manager.id }),
    ...(added.length > 0 && { addTags: added }),
    ...(removed.length > 0 && { removeTags: removed }),
  };
}
