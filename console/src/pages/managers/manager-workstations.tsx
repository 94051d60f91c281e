import { useState } from 'react';
import { Link } from 'react-router';
import { useLive } from '../../api/use-live.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { Pager, usePages } from '../../components/pager.tsx';
import { RoleHint } from '../../components/role-hint.tsx';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import { StatusBadge } from '../../components/status-badge.tsx';
import type { ManagerWithWorkstationsQuery } from '../../graphql/graphql.ts';
import { useMay } from '../../session/session.ts';
import { MANAGER } from './manager-documents.ts';
import { MoveWorkstations } from './move-workstations.tsx';

const PAGE_SIZE = 50;

type WorkstationRow = NonNullable<ManagerWithWorkstationsQuery['manager']>['workstations']['nodes'][number];

/** The workstations of one manager, live, and moving them to another one. */
export function ManagerWorkstations({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const pages = usePages(id, PAGE_SIZE);
  const { data, problem } = useLive(MANAGER, { variables: { id, first: PAGE_SIZE, after: pages.after } });
  const manager = data?.manager;
  return (
    <Dialog title={manager ? `Workstations of ${manager.name}` : 'Workstations'} size="large" onClose={onClose}>
      {problem && <ProblemNotice problem={problem} />}
      {!data && !problem && <Loading what="the workstations" />}
      {data && !manager && <Notice tone="warning">There is no such manager. They may have been deleted.</Notice>}
      {manager && (
        <>
          <Workstations managerId={id} total={manager.workstations.totalCount} rows={manager.workstations.nodes} />
          <Pager
            pages={pages}
            shown={manager.workstations.nodes.length}
            total={manager.workstations.totalCount}
            endCursor={manager.workstations.pageInfo.endCursor ?? null}
            hasNext={manager.workstations.pageInfo.hasNextPage}
          />
        </>
      )}
    </Dialog>
  );
}

interface WorkstationsProps {
  readonly managerId: string;
  readonly total: number;
  readonly rows: readonly WorkstationRow[];
}

function Workstations({ managerId, total, rows }: WorkstationsProps) {
  const mayEdit = useMay('OPERATOR');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [moved, setMoved] = useState('');
  // Those that have left the manager meanwhile are chosen no more.
  const selected = rows.filter(({ id }) => chosen.has(id)).map(({ id }) => id);
  const isAll = rows.length > 0 && selected.length === rows.length;
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  return (
    <div className="form">
      <RoleHint needs="OPERATOR" what="Moving workstations" />
      {mayEdit && total > 0 && (
        <MoveWorkstations managerId={managerId} selected={selected} total={total} onMoved={setMoved} />
      )}
      <div aria-live="polite">{moved && <Notice tone="success">{moved}</Notice>}</div>
      {total === 0 && <Empty title="This manager looks after no workstation." />}
      {rows.length > 0 && (
        <ScrollingTable>
          <table className="table">
            <thead>
              <tr>
                {mayEdit && (
                  <th scope="col">
                    <input
                      type="checkbox"
                      aria-label="All on this page"
                      checked={isAll}
                      onChange={() => setChosen(new Set(isAll ? [] : rows.map(({ id }) => id)))}
                    />
                  </th>
                )}
                <th scope="col">Name</th>
                <th scope="col">Status</th>
                <th scope="col">Host name</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ id, name, status, hostname }) => (
                <tr key={id}>
                  {mayEdit && (
                    <td>
                      <input
                        type="checkbox"
                        aria-label={`Choose ${name}`}
                        checked={chosen.has(id)}
                        onChange={() => toggle(id)}
                      />
                    </td>
                  )}
                  <th scope="row">
                    <Link to={`/workstations/${id}`}>{name}</Link>
                  </th>
                  <td>
                    <StatusBadge status={status} />
                  </td>
                  <td>{hostname}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollingTable>
      )}
    </div>
  );
}
