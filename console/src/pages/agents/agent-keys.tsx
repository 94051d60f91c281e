import { useState } from 'react';
import { Link } from 'react-router';
import { useLive } from '../../api/use-live.ts';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { ProblemNotice } from '../../components/notice.tsx';
import { RevokeKeyDialog } from '../../components/revoke-key-dialog.tsx';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import { StatusBadge } from '../../components/status-badge.tsx';
import { Ago } from '../../components/time.tsx';
import { useDebounced } from '../../components/use-debounced.ts';
import type { AgentMachinesQuery } from '../../graphql/graphql.ts';
import { AGENT_MACHINES } from './agent-documents.ts';

type Machine = AgentMachinesQuery['workstations']['nodes'][number];

/** Finds a workstation, whose agent's key can be revoked. */
export function AgentKeys({ onDone }: { readonly onDone: (message: string) => void }) {
  const [text, setText] = useState('');
  const searched = useDebounced(text.trim());
  const { data, problem } = useLive(AGENT_MACHINES, {
    variables: { filter: { or: [{ nameContains: searched }, { hostnameContains: searched }] } },
    isPaused: searched === '',
  });
  const [chosen, setChosen] = useState<Machine | null>(null);
  const machines = searched === '' ? undefined : data?.workstations;
  return (
    <section className="card record" aria-labelledby="keys-title">
      <header className="card-head">
        <h2 id="keys-title">Keys of agents</h2>
      </header>
      <div className="filter-bar">
        <label>
          Find a workstation by name or host name
          <input className="input" type="search" value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <p role="status">{machines && describe(machines.nodes.length, machines.totalCount)}</p>
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {searched !== '' && !data && !problem && <Loading what="the workstations" />}
      {machines?.nodes.length === 0 && <Empty title="No workstation fits the text." />}
      {machines && machines.nodes.length > 0 && (
        <ScrollingTable>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Status</th>
                <th scope="col">Host name</th>
                <th scope="col">Machine</th>
                <th scope="col">Last report</th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {machines.nodes.map((machine) => (
                <Row key={machine.id} machine={machine} onRevoke={setChosen} />
              ))}
            </tbody>
          </table>
        </ScrollingTable>
      )}
      {chosen && (
        <RevokeKeyDialog
          workstation={chosen}
          onDone={(message) => {
            onDone(message);
            setChosen(null);
          }}
          onClose={() => setChosen(null)}
        />
      )}
    </section>
  );
}

function describe(shown: number, total: number): string {
  return total > shown ? `The first ${shown} of ${total.toLocaleString()}` : `${total} found`;
}

function Row({ machine, onRevoke }: { readonly machine: Machine; readonly onRevoke: (machine: Machine) => void }) {
  const { id, name, status, hostname, machineId, lastSeenAt } = machine;
  return (
    <tr>
      <th scope="row">
        <Link to={`/workstations/${id}`}>{name}</Link>
      </th>
      <td>
        <StatusBadge status={status} />
      </td>
      <td>{hostname}</td>
      <td className="mono">{machineId ? `${machineId.slice(0, 12)}…` : 'never enrolled'}</td>
      <td>{lastSeenAt ? <Ago at={lastSeenAt} /> : 'never'}</td>
      <td>
        <button
          type="button"
          className="button"
          aria-label={`Revoke the key of ${name}`}
          disabled={!machineId}
          onClick={() => onRevoke(machine)}
        >
          Revoke the key
        </button>
      </td>
    </tr>
  );
}
