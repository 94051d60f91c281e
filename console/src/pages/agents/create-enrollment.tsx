import { useState } from 'react';
import { fieldError, formProblem, useSubmit } from '../../api/use-submit.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Field } from '../../components/field.tsx';
import { Form } from '../../components/form.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { Ago } from '../../components/time.tsx';
import type { CreateAgentEnrollmentMutation } from '../../graphql/graphql.ts';
import { CREATE_ENROLLMENT } from './agent-documents.ts';

const LIFETIMES = [
  [3600, 'An hour'],
  [86_400, 'A day'],
  [7 * 86_400, 'A week'],
  [30 * 86_400, '30 days'],
] as const;
const FIELDS = ['label', 'maxUses', 'expiresInSeconds'];

type Created = CreateAgentEnrollmentMutation['createAgentEnrollment'];

interface CreateEnrollmentProps {
  readonly onCreated: () => void;
  readonly onClose: () => void;
}

/** Creates a token, and shows it this once. */
export function CreateEnrollment({ onCreated, onClose }: CreateEnrollmentProps) {
  const [created, setCreated] = useState<Created | null>(null);
  return (
    <Dialog title={created ? 'Copy the token now' : 'Create a token'} size="medium" onClose={onClose}>
      {created ? (
        <ShownOnce created={created} onClose={onClose} />
      ) : (
        <EnrollmentForm
          onCreated={(enrollment) => {
            setCreated(enrollment);
            onCreated();
          }}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

interface EnrollmentFormProps {
  readonly onCreated: (created: Created) => void;
  readonly onClose: () => void;
}

function EnrollmentForm({ onCreated, onClose }: EnrollmentFormProps) {
  const { submit, isBusy, problem } = useSubmit(CREATE_ENROLLMENT);
  const [label, setLabel] = useState('');
  const [maxUses, setMaxUses] = useState('1');
  const [expiresInSeconds, setExpiresInSeconds] = useState(86_400);
  const rest = formProblem(problem, FIELDS);
  const send = async () => {
    const data = await submit({ input: { label, maxUses: Number(maxUses), expiresInSeconds } });
    if (data) onCreated(data.createAgentEnrollment);
  };
  return (
    <Form action="Create" isBusy={isBusy} onSubmit={send} onCancel={onClose}>
      {rest && <ProblemNotice problem={rest} />}
      <Field label="Label" hint="What it is for, such as “Lab Berlin”." error={fieldError(problem, 'label')}>
        {(control) => (
          <input
            {...control}
            className="input"
            autoComplete="off"
            value={label}
            onChange={(event) => setLabel(event.target.value)}
          />
        )}
      </Field>
      <Field label="Machines" hint="How many may enroll with it." error={fieldError(problem, 'maxUses')}>
        {(control) => (
          <input
            {...control}
            className="input"
            type="number"
            step={1}
            required
            value={maxUses}
            onChange={(event) => setMaxUses(event.target.value)}
          />
        )}
      </Field>
      <Field label="Valid for" error={fieldError(problem, 'expiresInSeconds')}>
        {(control) => (
          <select
            {...control}
            className="input"
            value={expiresInSeconds}
            onChange={(event) => setExpiresInSeconds(Number(event.target.value))}
          >
            {LIFETIMES.map(([seconds, name]) => (
              <option key={seconds} value={seconds}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
    </Form>
  );
}

function ShownOnce({ created, onClose }: { readonly created: Created; readonly onClose: () => void }) {
  const { token, label, maxUses, expiresAt } = created;
  const command = `npm run agent -- --url ${location.origin} --enroll ${token}`;
  return (
    <div className="form">
      <Notice tone="warning">This is the only time that the token is shown: the server keeps only its hash.</Notice>
      <p>
        “{label}” is for {maxUses === 1 ? 'one machine' : `${maxUses.toLocaleString()} machines`} and expires{' '}
        <Ago at={expiresAt} />.
      </p>
      <Secret label="Token" text={token} />
      <Secret label="On the machine, in the project's folder" text={command} />
      <div className="form-actions">
        <button type="button" className="button button-primary" onClick={onClose}>
          Done
        </button>
      </div>
    </div>
  );
}

/** A text to take along: it can be selected with the keyboard, too. */
function Secret({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div className="secret">
      <Field label={label}>
        {(control) => (
          <textarea
            {...control}
            className="token"
            rows={3}
            readOnly
            value={text}
            onFocus={(event) => event.target.select()}
          />
        )}
      </Field>
      <CopyButton text={text} label={`Copy the ${label === 'Token' ? 'token' : 'command'}`} />
    </div>
  );
}
