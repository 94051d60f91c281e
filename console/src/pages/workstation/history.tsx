import { Empty } from '../../components/empty.tsx';
import { Ago } from '../../components/time.tsx';
import type { Edit } from './use-changes.ts';

const SENTENCES: Readonly<Record<Exclude<Edit['what'], 'edited'>, string>> = {
  added: 'It was added to the fleet.',
  deleted: 'It was deleted.',
  unknown: 'Changes may have been missed while there was no connection. What is shown is current.',
};

/** What changed while the page was open. The API keeps no older history. */
export function History({ edits }: { readonly edits: readonly Edit[] }) {
  return (
    <section className="card record" aria-labelledby="history-title">
      <header className="card-head">
        <h2 id="history-title">Changes since you opened this page</h2>
      </header>
      {edits.length === 0 ? (
        <Empty title="Nothing has changed yet.">
          <p>Edits by anybody, and changes of the status, appear here as they happen. Reports are drawn above.</p>
        </Empty>
      ) : (
        <ol className="history" aria-live="polite">
          {edits.map((edit) => (
            <li key={edit.position}>
              <Ago at={edit.at} />
              {edit.what === 'edited' ? <FieldChanges edit={edit} /> : <span>{SENTENCES[edit.what]}</span>}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function FieldChanges({ edit }: { readonly edit: Edit }) {
  return (
    <ul>
      {edit.changes.map(({ field, from, to }) => (
        <li key={field}>
          {field}: <del>{from}</del> <span aria-hidden="true">→</span> <ins>{to}</ins>
        </li>
      ))}
    </ul>
  );
}
