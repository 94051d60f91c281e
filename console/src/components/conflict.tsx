import { Notice } from './notice.tsx';
import { ScrollingTable } from './scrolling-table.tsx';
import type { VersionedForm, VersionedValues } from './use-versioned-form.ts';

interface ConflictProps<Field extends string> {
  readonly form: VersionedForm<Field>;
  readonly current: VersionedValues<Field>;
  readonly labels: Readonly<Record<Field, string>>;
  /** A value as people read it. */
  readonly show: (field: Field, value: string) => string;
  /** Whether a save was refused, and not only would be. */
  readonly isRefused: boolean;
  readonly isBusy: boolean;
  readonly onReload: () => void;
  readonly onOverwrite: () => void;
}

/** Explains that the record has changed since the form was opened: who sees which value, and the two ways on. */
export function Conflict<Field extends string>(props: ConflictProps<Field>) {
  const { form, current, labels, show, isRefused, isBusy, onReload, onOverwrite } = props;
  const { opened, draft, changed, changedByOthers } = form;
  if (current.version === opened.version) {
    // The refusal was faster than the live query.
    return <Notice tone="warning">Somebody else has changed this. Loading what it is now …</Notice>;
  }
  const shown = (Object.keys(labels) as Field[]).filter(
    (field) => changed.includes(field) || changedByOthers.includes(field),
  );
  return (
    <section className="conflict" aria-labelledby="conflict-title">
      <h3 id="conflict-title">
        {isRefused ? 'Not saved: somebody else was faster' : 'Somebody else has changed this'}
      </h3>
      <p>
        You opened version {opened.version}; it is at version {current.version} now. Everybody sees the current values;
        yours are in this form only.
      </p>
      {shown.length > 0 && (
        <ScrollingTable>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Field</th>
                <th scope="col">When you opened it</th>
                <th scope="col">Now, for everybody</th>
                <th scope="col">Yours, in this form</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((field) => (
                <tr key={field}>
                  <th scope="row">{labels[field]}</th>
                  <td>{show(field, opened.values[field])}</td>
                  <td className={changedByOthers.includes(field) ? 'changed' : undefined}>
                    {show(field, current.values[field])}
                  </td>
                  <td className={changed.includes(field) ? 'changed' : undefined}>
                    {changed.includes(field) ? show(field, draft[field]) : 'left as it is'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollingTable>
      )}
      <p>
        {changed.length > 0
          ? `Overwriting saves ${changed.map((field) => labels[field].toLowerCase()).join(', ')} and leaves the rest as it is now.`
          : 'You have changed nothing yet.'}
      </p>
      <div className="form-actions">
        <button type="button" className="button" disabled={isBusy} onClick={onReload}>
          Load the current values
        </button>
        <button
          type="button"
          className="button button-danger"
          disabled={isBusy || changed.length === 0}
          onClick={onOverwrite}
        >
          Overwrite with mine
        </button>
      </div>
    </section>
  );
}
