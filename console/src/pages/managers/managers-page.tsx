import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { useLive } from '../../api/use-live.ts';
import { countOf } from '../../components/count-of.ts';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { usePageTitle } from '../../components/page-title.ts';
import { Pager, usePages } from '../../components/pager.tsx';
import { RoleHint } from '../../components/role-hint.tsx';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import { type Sort, SortHeader } from '../../components/sort-header.tsx';
import { Moment } from '../../components/time.tsx';
import { useDebounced } from '../../components/use-debounced.ts';
import type { ManagerOrderField, ManagersPageQuery } from '../../graphql/graphql.ts';
import { useMay } from '../../session/session.ts';
import { DeleteManager } from './delete-manager.tsx';
import { MANAGERS } from './manager-documents.ts';
import { CreateManager, EditManager } from './manager-form.tsx';
import { ManagerWorkstations } from './manager-workstations.tsx';
import './managers.css';

const PAGE_SIZE = 50;
const COLUMNS: readonly [field: ManagerOrderField, label: string][] = [
  ['NAME', 'Name'],
  ['EMAIL', 'Email'],
];

export type ManagerRow = ManagersPageQuery['managers']['nodes'][number];

/** What is open above the list. */
type Open = { readonly what: 'create' } | { readonly what: 'edit' | 'delete'; readonly manager: ManagerRow };

export default function ManagersPage() {
  usePageTitle('Managers');
  const { text, sort, selected, setText, setSort, select } = useAddress();
  const filter = useFilter(text);
  const pages = usePages(JSON.stringify([filter, sort]), PAGE_SIZE);
  const { data, problem, isLoading } = useLive(MANAGERS, {
    variables: { first: PAGE_SIZE, after: pages.after, filter, orderBy: sort },
  });
  const [open, setOpen] = useState<Open | null>(null);
  const [done, setDone] = useState('');
  const mayEdit = useMay('OPERATOR');
  const close = () => setOpen(null);
  const finish = (message: string) => {
    setDone(message);
    close();
  };

  return (
    <section className="page">
      <header className="page-head">
        <h1>Managers</h1>
        <button
          type="button"
          className="button button-primary page-head-end"
          disabled={!mayEdit}
          onClick={() => setOpen({ what: 'create' })}
        >
          Add a manager
        </button>
      </header>
      <RoleHint needs="OPERATOR" what="Adding, editing, deleting and moving" />
      <div className="filter-bar">
        <label>
          Find by name or email
          <input type="search" className="input" value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <p role="status">{data && countOf(data.managers.totalCount, 'manager')}</p>
      </div>
      {problem && <ProblemNotice problem={problem} />}
      <div aria-live="polite">{done && <Notice tone="success">{done}</Notice>}</div>
      {!data && isLoading && <Loading what="the managers" />}
      {data?.managers.nodes.length === 0 && (
        <Empty title={filter ? 'No manager fits the text.' : 'There is no manager yet.'} />
      )}
      {data && data.managers.nodes.length > 0 && (
        <>
          <ScrollingTable>
            <table className="table" aria-busy={isLoading}>
              <thead>
                <tr>
                  {COLUMNS.map(([field, label]) => (
                    <SortHeader key={field} field={field} label={label} sort={sort} onSort={setSort} />
                  ))}
                  <th scope="col">Workstations</th>
                  <SortHeader field="CREATED_AT" label="Added" sort={sort} onSort={setSort} />
                  <th scope="col">Actions</th>
                </tr>
              </thead>
              <tbody>
                {data.managers.nodes.map((manager) => (
                  <Row key={manager.id} manager={manager} mayEdit={mayEdit} onSelect={select} onOpen={setOpen} />
                ))}
              </tbody>
            </table>
          </ScrollingTable>
          <Pager
            pages={pages}
            shown={data.managers.nodes.length}
            total={data.managers.totalCount}
            endCursor={data.managers.pageInfo.endCursor ?? null}
            hasNext={data.managers.pageInfo.hasNextPage}
          />
        </>
      )}
      {selected && <ManagerWorkstations key={selected} id={selected} onClose={() => select(null)} />}
      {open?.what === 'create' && <CreateManager onDone={finish} onClose={close} />}
      {open?.what === 'edit' && <EditManager id={open.manager.id} onDone={finish} onClose={close} />}
      {open?.what === 'delete' && <DeleteManager manager={open.manager} onDone={finish} onClose={close} />}
    </section>
  );
}

interface RowProps {
  readonly manager: ManagerRow;
  readonly mayEdit: boolean;
  readonly onSelect: (id: string) => void;
  readonly onOpen: (open: Open) => void;
}

function Row({ manager, mayEdit, onSelect, onOpen }: RowProps) {
  const { id, name, email, workstations, createdAt } = manager;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{email}</td>
      <td>
        <button
          type="button"
          className="link-button"
          aria-label={`${countOf(workstations.totalCount, 'workstation')} of ${name}`}
          onClick={() => onSelect(id)}
        >
          {workstations.totalCount.toLocaleString()}
        </button>
      </td>
      <td>
        <Moment at={createdAt} />
      </td>
      <td>
        <div className="row-actions">
          <button
            type="button"
            className="button"
            aria-label={`Edit ${name}`}
            disabled={!mayEdit}
            onClick={() => onOpen({ what: 'edit', manager })}
          >
            Edit
          </button>
          <button
            type="button"
            className="button"
            aria-label={`Delete ${name}`}
            disabled={!mayEdit}
            onClick={() => onOpen({ what: 'delete', manager })}
          >
            Delete
          </button>
        </div>
      </td>
    </tr>
  );
}

/** Text, order and the opened manager are part of the address, so that they can be shared and survive a reload. */
function useAddress() {
  const [params, setParams] = useSearchParams();
  const [field = 'NAME', direction = 'ASC'] = (params.get('sort') ?? '').split('.').filter(Boolean);
  const set = (name: string, value: string | null, options?: { replace: boolean }) =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    }, options);
  return {
    text: params.get('text') ?? '',
    sort: { field, direction } as Sort<ManagerOrderField>,
    selected: params.get('manager'),
    setText: (text: string) => set('text', text, { replace: true }),
    setSort: (sort: Sort<ManagerOrderField>) => set('sort', `${sort.field}.${sort.direction}`, { replace: true }),
    select: (id: string | null) => set('manager', id),
  };
}

function useFilter(text: string) {
  const searched = useDebounced(text.trim());
  return searched ? { or: [{ nameContains: searched }, { emailContains: searched }] } : null;
}
