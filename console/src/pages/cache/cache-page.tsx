import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { explain } from '../../api/errors.ts';
import { fieldError, formProblem } from '../../api/use-submit.ts';
import { countOf } from '../../components/count-of.ts';
import { Empty } from '../../components/empty.tsx';
import { Field } from '../../components/field.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { usePageTitle } from '../../components/page-title.ts';
import { Pager, usePages } from '../../components/pager.tsx';
import { RoleHint } from '../../components/role-hint.tsx';
import type { Sort } from '../../components/sort-header.tsx';
import { useDebounced } from '../../components/use-debounced.ts';
import type { CacheEntryOrderField, CacheRemovalCause } from '../../graphql/graphql.ts';
import { useMay } from '../../session/session.ts';
import { CACHE } from './cache-documents.ts';
import { ClearCache } from './clear-cache.tsx';
import { Entries } from './entries.tsx';
import { EntryDetails } from './entry-details.tsx';
import { Invalidate } from './invalidate.tsx';
import { isListed, Layers } from './layers.tsx';
import { CAUSES, Removals } from './removals.tsx';
import './cache.css';

const PAGE_SIZE = 50;
/** What the cache holds is not part of what can be live, so it is asked for now and then. */
const POLL_MS = 5000;
const ANY_KEY = '*';
/** While a fleet reports, most removals are replacements, which are no reason to miss. */
const USUAL_CAUSES = CAUSES.filter((cause) => cause !== 'REPLACED');

export default function CachePage() {
  usePageTitle('Cache');
  const mayManage = useMay('ADMIN');
  return (
    <section className="page">
      <RoleHint needs="ADMIN" what="Looking into the cache" />
      {mayManage ? <Cache /> : <h1>Cache</h1>}
    </section>
  );
}

/** What is open above the page. */
type Open = 'invalidate' | 'clear' | { readonly key: string };

function Cache() {
  const { pattern, layer, sort, setPattern, setLayer, setSort } = useAddress();
  const searched = useDebounced(pattern.trim()) || ANY_KEY;
  const [causes, setCauses] = useState<readonly CacheRemovalCause[]>(USUAL_CAUSES);
  const pages = usePages(JSON.stringify([searched, layer, sort]), PAGE_SIZE);
  const { data, previousData, error, loading, refetch } = useQuery(CACHE, {
    variables: { pattern: searched, layer, first: PAGE_SIZE, after: pages.after, orderBy: sort, causes: [...causes] },
    fetchPolicy: 'no-cache',
    pollInterval: POLL_MS,
    skipPollAttempt: () => document.hidden,
  });
  const shown = data ?? previousData;
  const problem = error ? explain(error) : null;
  const rest = formProblem(problem, ['pattern']);
  const [open, setOpen] = useState<Open | null>(null);
  const [done, setDone] = useState('');
  const update = () => void refetch().catch(() => {});
  const close = () => setOpen(null);
  const finish = (message: string) => {
    setDone(message);
    close();
    update();
  };
  const openKey = (key: string) => setOpen({ key });

  return (
    <>
      <header className="page-head">
        <h1>Cache</h1>
        <div className="page-head-end">
          <button type="button" className="button" onClick={() => setOpen('invalidate')}>
            Invalidate …
          </button>
          <button type="button" className="button button-danger" onClick={() => setOpen('clear')}>
            Clear …
          </button>
        </div>
      </header>
      <p className="muted">
        This is the cache of the instance that answers, as it was up to {POLL_MS / 1000} seconds ago. Each instance, and
        each worker, has a cache of its own.
      </p>
      <div aria-live="polite">{done && <Notice tone="success">{done}</Notice>}</div>
      {rest && <ProblemNotice problem={rest} onRetry={update} />}
      {!shown && loading && <Loading what="the cache" />}
      {shown && <Layers stats={shown.cacheStats} onChoose={setLayer} />}
      <section className="record" aria-labelledby="entries-title">
        <h2 id="entries-title">Entries</h2>
        <Filters
          pattern={pattern}
          layer={layer}
          layers={shown?.cacheStats.layers.map(({ name }) => name).filter(isListed) ?? []}
          error={fieldError(problem, 'pattern')}
          count={shown?.cacheEntries.totalCount}
          onPattern={setPattern}
          onLayer={setLayer}
        />
        {shown?.cacheEntries.nodes.length === 0 && <Empty title="The cache holds no such entry." />}
        {shown && shown.cacheEntries.nodes.length > 0 && (
          <>
            <Entries entries={shown.cacheEntries.nodes} sort={sort} isBusy={!data} onSort={setSort} onOpen={openKey} />
            <Pager
              pages={pages}
              shown={shown.cacheEntries.nodes.length}
              total={shown.cacheEntries.totalCount}
              endCursor={shown.cacheEntries.pageInfo.endCursor ?? null}
              hasNext={shown.cacheEntries.pageInfo.hasNextPage}
            />
          </>
        )}
      </section>
      {shown && (
        <Removals
          removals={causes.length === 0 ? [] : shown.cacheRemovals}
          causes={causes}
          onCauses={setCauses}
          onOpen={openKey}
        />
      )}
      {open === 'invalidate' && <Invalidate pattern={searched} onDone={finish} onClose={close} />}
      {open === 'clear' && <ClearCache onDone={finish} onClose={close} />}
      {typeof open === 'object' && open && <EntryDetails entryKey={open.key} onClose={close} />}
    </>
  );
}

interface FiltersProps {
  readonly pattern: string;
  readonly layer: string | null;
  readonly layers: readonly string[];
  readonly error: string | null;
  readonly count: number | undefined;
  readonly onPattern: (pattern: string) => void;
  readonly onLayer: (layer: string | null) => void;
}

function Filters({ pattern, layer, layers, error, count, onPattern, onLayer }: FiltersProps) {
  return (
    <div className="cache-filters">
      <Field label="Keys that match" hint="* stands for any text, ? for one character" error={error}>
        {(control) => (
          <input
            {...control}
            type="search"
            className="input mono"
            placeholder={ANY_KEY}
            autoComplete="off"
            spellCheck={false}
            value={pattern}
            onChange={({ target }) => onPattern(target.value)}
          />
        )}
      </Field>
      <Field label="Layer" hint="Responses are shown only by themselves">
        {(control) => (
          <select
            {...control}
            className="input"
            value={layer ?? ''}
            onChange={({ target }) => onLayer(target.value || null)}
          >
            <option value="">All but responses</option>
            {layer !== null && !layers.includes(layer) && <option value={layer}>{layer}</option>}
            {layers.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <p role="status">{count !== undefined && countOf(count, 'entry', 'entries')}</p>
    </div>
  );
}

/** Pattern, layer and order are part of the address, so that they can be shared and survive a reload. */
function useAddress() {
  const [params, setParams] = useSearchParams();
  const [field = 'SIZE', direction = 'DESC'] = (params.get('sort') ?? '').split('.').filter(Boolean);
  const set = (name: string, value: string | null) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  return {
    pattern: params.get('pattern') ?? '',
    layer: params.get('layer'),
    sort: { field, direction } as Sort<CacheEntryOrderField>,
    setPattern: (pattern: string) => set('pattern', pattern),
    setLayer: (layer: string | null) => set('layer', layer),
    setSort: (sort: Sort<CacheEntryOrderField>) => set('sort', `${sort.field}.${sort.direction}`),
  };
}
