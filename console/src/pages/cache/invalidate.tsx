import { type FormEvent, useEffect, useState } from 'react';
import { fieldError, formProblem, useSubmit } from '../../api/use-submit.ts';
import { countOf } from '../../components/count-of.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Field } from '../../components/field.tsx';
import { Loading } from '../../components/loading.tsx';
import { ProblemNotice } from '../../components/notice.tsx';
import type { InvalidateCacheMutation } from '../../graphql/graphql.ts';
import { INVALIDATE } from './cache-documents.ts';
import { labelOf } from './cache-key.tsx';

interface DoneProps {
  readonly onDone: (message: string) => void;
  readonly onClose: () => void;
}

/** Removes what a pattern selects, after a dry run has shown what that is. */
export function Invalidate({ pattern: given, onDone, onClose }: DoneProps & { readonly pattern: string }) {
  const { submit, isBusy, problem } = useSubmit(INVALIDATE);
  const [pattern, setPattern] = useState(given);
  const [preview, setPreview] = useState<InvalidateCacheMutation['invalidateCache'] | null>(null);
  // Another pattern selects something else.
  const shown = preview?.pattern === pattern ? preview : null;

  const look = async () => setPreview((await submit({ pattern, dryRun: true }))?.invalidateCache ?? null);
  // Once, for the pattern that the dialog was opened with
  useEffect(() => void look(), []);
  const remove = async () => {
    const done = await submit({ pattern, dryRun: false });
    if (done) onDone(done.invalidateCache.message);
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    void look();
  };
  const rest = formProblem(problem, ['pattern']);
  return (
    <Dialog title="Invalidate entries" size="medium" onClose={onClose}>
      <form className="form" onSubmit={send}>
        <Field
          label="Pattern"
          hint="Of whole keys: * stands for any text, ? for one character. It counts in all layers, on all instances."
          error={fieldError(problem, 'pattern')}
        >
          {(control) => (
            <input
              {...control}
              className="input mono"
              type="text"
              autoComplete="off"
              spellCheck={false}
              value={pattern}
              onChange={({ target }) => setPattern(target.value)}
            />
          )}
        </Field>
        {rest && <ProblemNotice problem={rest} />}
        <div aria-live="polite">
          {isBusy && !shown && <Loading what="what it selects" />}
          {shown && <Preview preview={shown} />}
        </div>
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button" disabled={isBusy || shown !== null}>
            Show what would go
          </button>
          <button
            type="button"
            className="button button-danger"
            disabled={isBusy || !shown || shown.entriesRemoved === 0}
            onClick={remove}
          >
            {shown ? `Invalidate ${countOf(shown.entriesRemoved, 'entry', 'entries')}` : 'Invalidate'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Preview({
  preview: { entriesRemoved, keys },
}: {
  readonly preview: InvalidateCacheMutation['invalidateCache'];
}) {
  if (entriesRemoved === 0) return <p>No entry of this instance matches.</p>;
  return (
    <>
      <p>
        {entriesRemoved.toLocaleString()} of the entries of this instance match
        {entriesRemoved > keys.length ? `. The first ${keys.length}:` : ':'}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls has to be reachable by keyboard */}
      <ul className="cache-parts cache-preview" aria-label="Keys" tabIndex={0}>
        {keys.map((key) => (
          <li key={key} className="mono">
            {labelOf(key)}
          </li>
        ))}
      </ul>
    </>
  );
}
