import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { explain } from '../../api/errors.ts';
import { countOf } from '../../components/count-of.ts';
import { Dialog } from '../../components/dialog.tsx';
import { formatBytes, formatDuration } from '../../components/format.ts';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import type { CacheEntryDetailsQuery } from '../../graphql/graphql.ts';
import { ENTRY } from './cache-documents.ts';
import { KeyButton, patternOf, readResponseKey } from './cache-key.tsx';
import { RemovalTable } from './removals.tsx';

const POLL_MS = 5000;
/** One more is asked for, to know whether there are more. */
const MAX_SHOWN = 100;
const USES = 'responses and live queries';

type Entry = NonNullable<CacheEntryDetailsQuery['cacheEntry']>;

interface EntryDetailsProps {
  readonly entryKey: string;
  readonly onClose: () => void;
}

/** What is known of one key: the entry, what it was made of, and why it left before. */
export function EntryDetails({ entryKey, onClose }: EntryDetailsProps) {
  const [path, setPath] = useState<readonly string[]>([entryKey]);
  const key = path.at(-1)!;
  const { data, error, refetch } = useQuery(ENTRY, {
    variables: { key, pattern: patternOf(key) },
    fetchPolicy: 'no-cache',
    pollInterval: POLL_MS,
    skipPollAttempt: () => document.hidden,
  });
  const removals = data?.cacheRemovals.filter((removal) => removal.key === key);
  return (
    <Dialog title="Cache entry" size="large" onClose={onClose}>
      {path.length > 1 && (
        <div>
          <button type="button" className="button" onClick={() => setPath(path.slice(0, -1))}>
            Back
          </button>
        </div>
      )}
      <KeyText value={key} />
      {error && <ProblemNotice problem={explain(error)} onRetry={() => void refetch().catch(() => {})} />}
      {!data && !error && <Loading what="the entry" />}
      {data && !data.cacheEntry && (
        <Notice tone="info">This key is not in the cache now: the next read of it will miss.</Notice>
      )}
      {data?.cacheEntry && <Facts entry={data.cacheEntry} onOpen={(next) => setPath([...path, next])} />}
      {removals && (
        <section className="record" aria-labelledby="entry-removals-title">
          <h3 id="entry-removals-title">Why it left before</h3>
          {removals.length > 0 ? (
            <RemovalTable removals={removals} labelledBy="entry-removals-title" />
          ) : (
            <p className="muted">It has not left, as far as is remembered.</p>
          )}
        </section>
      )}
    </Dialog>
  );
}

/** The whole key; of a cached response in its parts. */
function KeyText({ value }: { readonly value: string }) {
  const response = readResponseKey(value);
  if (!response) return <p className="mono cache-text">{value}</p>;
  const { roles, query, variables } = response;
  return (
    <dl className="cache-facts">
      <dt>Response for</dt>
      <dd>{roles}</dd>
      <dt>Query</dt>
      <dd className="mono cache-text">{query}</dd>
      {variables && (
        <>
          <dt>Variables</dt>
          <dd className="mono cache-text">{variables}</dd>
        </>
      )}
    </dl>
  );
}

function Facts({ entry, onOpen }: { readonly entry: Entry; readonly onOpen: (key: string) => void }) {
  const isResponse = entry.layer === 'responses';
  const facts: readonly [term: string, fact: string | undefined][] = [
    ['Layer', entry.layer],
    ['Size', formatBytes(entry.bytes)],
    ['Age', formatDuration(entry.ageSeconds)],
    ['Expires in', formatDuration(entry.expiresInSeconds)],
    ['Version of the row', entry.version?.toLocaleString()],
    ['Reads it answered', entry.hits.toLocaleString()],
    ['Used by', isResponse ? undefined : countOf(entry.dependents, 'response or live query', USES)],
  ];
  return (
    <>
      <dl className="cache-facts">
        {facts.map(
          ([term, fact]) =>
            fact !== undefined && (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{fact}</dd>
              </div>
            ),
        )}
      </dl>
      <section className="record" aria-labelledby="entry-parts-title">
        <h3 id="entry-parts-title">Made of</h3>
        {isResponse ? (
          <>
            <p className="muted">When the first of these changes or leaves, the response goes.</p>
            <ul className="cache-parts">
              {entry.dependencies.slice(0, MAX_SHOWN).map((part) => (
                <li key={part}>
                  <KeyButton value={part} onOpen={onOpen} />
                </li>
              ))}
            </ul>
            {entry.dependencies.length > MAX_SHOWN && <p className="muted">These are the first {MAX_SHOWN}.</p>}
          </>
        ) : (
          <p className="muted">It was read from the database, and follows its changes.</p>
        )}
      </section>
    </>
  );
}
