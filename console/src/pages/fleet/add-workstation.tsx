import { useState } from 'react';
import { useSubmit } from '../../api/use-submit.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Form } from '../../components/form.tsx';
import {
  inputOf,
  useManagerNames,
  WorkstationFields,
  type WorkstationValues,
} from '../../components/workstation-fields.tsx';
import type { CreateWorkstationMutation } from '../../graphql/graphql.ts';
import { useMay } from '../../session/session.ts';
import { CREATE_WORKSTATION } from './documents.ts';

export type Added = CreateWorkstationMutation['createWorkstation'];

const BLANK: WorkstationValues = {
  name: '',
  status: 'OFFLINE',
  hostname: '',
  ipAddress: '',
  operatingSystem: '',
  tags: '',
  managerId: '',
};

/** The button, and the dialog that it opens. */
export function AddWorkstation({ onAdded }: { readonly onAdded: (workstation: Added) => void }) {
  const [isOpen, setOpen] = useState(false);
  const mayAdd = useMay('OPERATOR');
  const done = (workstation: Added) => {
    setOpen(false);
    onAdded(workstation);
  };
  return (
    <>
      <button type="button" className="button button-primary" disabled={!mayAdd} onClick={() => setOpen(true)}>
        Add a workstation
      </button>
      {isOpen && <AddDialog onDone={done} onClose={() => setOpen(false)} />}
    </>
  );
}

interface AddDialogProps {
  readonly onDone: (workstation: Added) => void;
  readonly onClose: () => void;
}

function AddDialog({ onDone, onClose }: AddDialogProps) {
  const [values, setValues] = useState(BLANK);
  const managerNames = useManagerNames(null);
  const { submit, isBusy, problem } = useSubmit(CREATE_WORKSTATION);
  const send = async () => {
    const data = await submit({ input: inputOf(values) });
    if (data) onDone(data.createWorkstation);
  };
  return (
    <Dialog title="Add a workstation" size="medium" onClose={onClose}>
      <Form action="Add" isBusy={isBusy} onSubmit={send} onCancel={onClose}>
        <WorkstationFields
          values={values}
          problem={problem}
          managerNames={managerNames}
          onChange={(field, value) => setValues((before) => ({ ...before, [field]: value }))}
        />
      </Form>
    </Dialog>
  );
}
