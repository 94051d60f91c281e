import { useState } from 'react';
import type { Problem } from '../../api/errors.ts';
import { useLive } from '../../api/use-live.ts';
import { fieldError, formProblem, useSubmit } from '../../api/use-submit.ts';
import { Conflict } from '../../components/conflict.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Field } from '../../components/field.tsx';
import { Form } from '../../components/form.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { useVersionedForm, type Values, type VersionedValues } from '../../components/use-versioned-form.ts';
import { CREATE_MANAGER, MANAGER, UPDATE_MANAGER } from './manager-documents.ts';

type ManagerField = 'name' | 'email';
const LABELS: Readonly<Record<ManagerField, string>> = { name: 'Name', email: 'Email' };
const FIELDS = Object.keys(LABELS) as ManagerField[];

interface DoneProps {
  readonly onDone: (message: string) => void;
  readonly onClose: () => void;
}

export function CreateManager({ onDone, onClose }: DoneProps) {
  const { submit, isBusy, problem } = useSubmit(CREATE_MANAGER);
  const [values, setValues] = useState<Values<ManagerField>>({ name: '', email: '' });
  const send = async () => {
    if (await submit({ input: values })) onDone(`${values.name} was added.`);
  };
  return (
    <Dialog title="Add a manager" onClose={onClose}>
      <Form action="Add" isBusy={isBusy} onSubmit={send} onCancel={onClose}>
        <ManagerFields
          values={values}
          problem={problem}
          onChange={(field, value) => setValues((before) => ({ ...before, [field]: value }))}
        />
      </Form>
    </Dialog>
  );
}

export function EditManager({ id, onDone, onClose }: DoneProps & { readonly id: string }) {
  const { data, problem } = useLive(MANAGER, { variables: { id, first: 1, after: null } });
  const manager = data?.manager;
  return (
    <Dialog title={manager ? `Edit ${manager.name}` : 'Edit a manager'} size="medium" onClose={onClose}>
      {problem && <ProblemNotice problem={problem} />}
      {!data && !problem && <Loading what="the manager" />}
      {data && !manager && <Notice tone="warning">This manager has been deleted.</Notice>}
      {manager && (
        <EditForm
          id={id}
          current={{ version: manager.version, values: { name: manager.name, email: manager.email } }}
          onDone={onDone}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

function EditForm({
  id,
  current,
  onDone,
  onClose,
}: DoneProps & { readonly id: string; readonly current: VersionedValues<ManagerField> }) {
  const form = useVersionedForm(current);
  const { submit, isBusy, problem, reset } = useSubmit(UPDATE_MANAGER);
  const isRefused = problem?.code === 'STALE_VERSION';
  const save = async (expectedVersion: number) => {
    const input = Object.fromEntries(form.changed.map((field) => [field, form.draft[field]]));
    if (await submit({ id, input: { ...input, expectedVersion } })) onDone(`${form.draft.name} was saved.`);
  };
  return (
    <Form
      action="Save"
      isBusy={isBusy}
      isReady={form.changed.length > 0}
      onSubmit={() => void save(form.opened.version)}
      onCancel={onClose}
    >
      <ManagerFields values={form.draft} problem={isRefused ? null : problem} onChange={form.set} />
      {(isRefused || form.changedByOthers.length > 0) && (
        <Conflict
          form={form}
          current={current}
          labels={LABELS}
          show={(_, value) => value}
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
    </Form>
  );
}

interface ManagerFieldsProps {
  readonly values: Values<ManagerField>;
  readonly problem: Problem | null;
  readonly onChange: (field: ManagerField, value: string) => void;
}

function ManagerFields({ values, problem, onChange }: ManagerFieldsProps) {
  const rest = formProblem(problem, FIELDS);
  return (
    <>
      {rest && <ProblemNotice problem={rest} />}
      {FIELDS.map((field) => (
        <Field key={field} label={LABELS[field]} error={fieldError(problem, field)}>
          {(control) => (
            <input
              {...control}
              className="input"
              type="text"
              inputMode={field === 'email' ? 'email' : 'text'}
              autoComplete="off"
              value={values[field]}
              onChange={(event) => onChange(field, event.target.value)}
            />
          )}
        </Field>
      ))}
    </>
  );
}
