import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { download } from '../../api/download.ts';
import type { Problem } from '../../api/errors.ts';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { usePageTitle } from '../../components/page-title.ts';
import { RoleHint } from '../../components/role-hint.tsx';
import { useNow } from '../../components/time.tsx';
import { Toast } from '../../components/toast.tsx';
import { type Added, AddWorkstation } from './add-workstation.tsx';
import { BulkBar } from './bulk-bar.tsx';
import { ColumnMenu } from './column-menu.tsx';
import { FilterBar } from './filter-bar.tsx';
import { type FleetQuery, readQuery, type SortField, toFilter, toOrder, writeQuery } from './fleet-query.ts';
import { FleetSummary } from './fleet-summary.tsx';
import { FleetTable } from './fleet-table.tsx';
import { EVERYTHING, NOTHING, select } from './selection.ts';
import { useColumns } from './use-columns.ts';
import { useFleetRows } from './use-fleet-rows.ts';
import './fleet.css';

const MINUTE_MS = 60_000;

export default function FleetPage() {
  usePageTitle('Fleet');
  const { query, change } = useFleetQuery();
  const { filter, orderBy, summaryFilter, listKey } = useListOf(query);
  const columns = useColumns();
  const [isPaused, setPaused] = useState(false);
  const [visible, setVisible] = useState({ start: 0, end: 0 });
  const [chosen, setChosen] = useState({ key: '', selection: NOTHING });
  const [added, setAdded] = useState<Added | null>(null);
  const [message, setMessage] = useState<string | null>(null);
  const { total, rowAt, isLoading, problem } = useFleetRows({ filter, orderBy, visible, isPaused });
  // Rows picked one by one stay selected in every list; "all that match" belongs to a filter.
  const filterKey = JSON.stringify(filter);
  const selection = chosen.selection.kind === 'all' && chosen.key !== filterKey ? NOTHING : chosen.selection;
  const choose = (next: typeof selection) => setChosen({ key: filterKey, selection: next });

  const sortBy = (field: SortField) => {
    const isAgain = query.sort?.field === field;
    if (isAgain && query.sort?.isDescending) change({ sort: null });
    else change({ sort: { field, isDescending: isAgain } });
  };
  return (
    <section className="page fleet">
      <header className="page-head">
        <h1>Fleet</h1>
        <p className="muted number" aria-live="off">
          {total === null ? '' : `${total.toLocaleString()} ${total === 1 ? 'workstation' : 'workstations'}`}
        </p>
        <div className="page-head-end">
          <button type="button" className="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
            {isPaused ? 'Resume updates' : 'Pause updates'}
          </button>
          <ColumnMenu columns={columns} />
          <ExportButton filter={filter} orderBy={orderBy} />
          <AddWorkstation onAdded={setAdded} />
        </div>
      </header>
      <RoleHint needs="OPERATOR" what="Adding a workstation" />
      <div aria-live="polite">
        {added && (
          <Notice tone="success">
            <Link to={`/workstations/${added.id}`}>{added.name}</Link> was added.
          </Notice>
        )}
      </div>
      <FleetSummary
        filter={summaryFilter}
        isPaused={isPaused}
        chosen={query.statuses}
        onChoose={(statuses) => change({ statuses })}
      />
      <FilterBar query={query} onChange={change} />
      {problem && <ProblemNotice problem={problem} />}
      {total === null && !problem && <Loading what="the fleet" />}
      {total === 0 && (
        <Empty title={filter ? 'No workstation matches the filter' : 'The fleet is empty'}>
          {!filter && <p>Add a workstation, or enroll an agent.</p>}
        </Empty>
      )}
      {total !== null && total > 0 && (
        <FleetTable
          columns={columns.shown}
          total={total}
          rowAt={rowAt}
          isLoading={isLoading}
          sort={query.sort}
          onSort={sortBy}
          selection={selection}
          onSelect={(ids, isWanted) => choose(select(selection, ids, isWanted))}
          onSelectAll={(isWanted) => choose(isWanted ? EVERYTHING : NOTHING)}
          onVisible={setVisible}
          listKey={listKey}
        />
      )}
      <BulkBar
        selection={selection}
        total={total ?? 0}
        filter={filter}
        onClear={() => choose(NOTHING)}
        onDone={setMessage}
      />
      <Toast message={message} onEnd={useCallback(() => setMessage(null), [])} />
    </section>
  );
}

/** The filter and the order, which live in the address. */
function useFleetQuery() {
  const [parameters, setParameters] = useSearchParams();
  const query = useMemo(() => readQuery(parameters), [parameters]);
  // The router renders a change later: another one at the same time, such as a click that ends typing, builds on it.
  const latest = useRef(query);
  useEffect(() => {
    latest.current = query;
  }, [query]);
  const change = (part: Partial<FleetQuery>) => {
    latest.current = { ...latest.current, ...part };
    setParameters(writeQuery(latest.current), { replace: true });
  };
  return { query, change };
}

/** What the API is asked for. "An hour ago" moves on with the minutes. */
function useListOf(query: FleetQuery) {
  const minute = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS;
  const nowMs = query.seen === null ? 0 : minute;
  return useMemo(() => {
    const filter = toFilter(query, nowMs);
    return {
      filter,
      orderBy: toOrder(query),
      summaryFilter: toFilter({ ...query, statuses: [] }, nowMs),
      listKey: writeQuery(query).toString(),
    };
  }, [query, nowMs]);
}

function ExportButton({ filter, orderBy }: { readonly filter: object | null; readonly orderBy: object | null }) {
  const [isRunning, setRunning] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const start = async () => {
    setRunning(true);
    const parameters = new URLSearchParams();
    if (filter) parameters.set('filter', JSON.stringify(filter));
    if (orderBy) parameters.set('orderBy', JSON.stringify(orderBy));
    setProblem(await download('/export/workstations.csv', parameters, 'workstations.csv'));
    setRunning(false);
  };
  return (
    <>
      <button type="button" className="button" disabled={isRunning} onClick={start}>
        {isRunning ? 'Exporting …' : 'Export CSV'}
      </button>
      {problem && <ProblemNotice problem={problem} onRetry={start} />}
    </>
  );
}
