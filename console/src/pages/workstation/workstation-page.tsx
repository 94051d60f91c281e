import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { useLive } from '../../api/use-live.ts';
import { useSubmit } from '../../api/use-submit.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { usePageTitle } from '../../components/page-title.ts';
import { RevokeKeyDialog } from '../../components/revoke-key-dialog.tsx';
import { RoleHint } from '../../components/role-hint.tsx';
import { StatusBadge } from '../../components/status-badge.tsx';
import { useMay } from '../../session/session.ts';
import { EditForm } from './edit-form.tsx';
import { Facts } from './facts.tsx';
import { History } from './history.tsx';
import { Telemetry } from './telemetry.tsx';
import { useChanges } from './use-changes.ts';
import { DELETE_WORKSTATION, WORKSTATION } from './workstation-documents.ts';
import type { Details } from './workstation-values.ts';
import './workstation.css';

export default function WorkstationPage() {
  const { id = '' } = useParams();
  const { data, problem, isLoading } = useLive(WORKSTATION, { variables: { id } });
  const details = isLoading ? undefined : data?.workstation;
  const changes = useChanges(id, details);
  const wasDeleted = changes.edits[0]?.what === 'deleted';
  usePageTitle(details?.name ?? 'Workstation');
  return (
    <section className="page">
      <p>
        <Link to="/">Fleet</Link>
      </p>
      {problem && <ProblemNotice problem={problem} />}
      {details === undefined && !problem && <Loading what="the workstation" />}
      {details === null && (
        <Empty title={wasDeleted ? 'This workstation has been deleted.' : 'There is no workstation with this address.'}>
          <p>
            <Link to="/">Go to the fleet</Link>
          </p>
        </Empty>
      )}
      {details && <Workstation key={details.id} details={details} changes={changes} />}
      {details === null && changes.edits.length > 0 && <History edits={changes.edits} />}
    </section>
  );
}

type Mode = 'view' | 'edit' | 'delete' | 'revoke';

function Workstation({
  details,
  changes,
}: {
  readonly details: Details;
  readonly changes: ReturnType<typeof useChanges>;
}) {
  const [mode, setMode] = useState<Mode>('view');
  const [done, setDone] = useState('');
  const mayEdit = useMay('OPERATOR');
  const mayRevoke = useMay('ADMIN');
  const view = (message = '') => {
    setDone(message);
    setMode('view');
  };
  return (
    <>
      <header className="page-head">
        <h1>{details.name}</h1>
        <StatusBadge status={details.status} />
        <div className="page-head-end">
          <button
            type="button"
            className="button"
            disabled={!mayEdit || mode === 'edit'}
            onClick={() => setMode('edit')}
          >
            Edit
          </button>
          <button type="button" className="button" disabled={!mayRevoke} onClick={() => setMode('revoke')}>
            Revoke the agent's key
          </button>
          <button type="button" className="button button-danger" disabled={!mayEdit} onClick={() => setMode('delete')}>
            Delete
          </button>
        </div>
      </header>
      <RoleHint needs="OPERATOR" what="Editing and deleting" />
      <RoleHint needs="ADMIN" what="Revoking the key of its agent" />
      <div aria-live="polite">{done && <Notice tone="success">{done}</Notice>}</div>
      <div className="workstation">
        <section className="card record" aria-label="Details">
          {mode === 'edit' ? (
            <EditForm details={details} onSaved={() => view('Saved.')} onCancel={() => view()} />
          ) : (
            <Facts details={details} />
          )}
        </section>
        <Telemetry details={details} readings={changes.readings} />
        <History edits={changes.edits} />
      </div>
      {mode === 'delete' && <DeleteWorkstation details={details} onClose={() => view()} />}
      {mode === 'revoke' && <RevokeKeyDialog workstation={details} onDone={view} onClose={() => view()} />}
    </>
  );
}

function DeleteWorkstation({ details, onClose }: { readonly details: Details; readonly onClose: () => void }) {
  const { submit, isBusy, problem } = useSubmit(DELETE_WORKSTATION);
  const navigate = useNavigate();
  const confirm = async () => {
    if (await submit({ id: details.id })) navigate('/');
  };
  return (
    <ConfirmDialog
      title={`Delete ${details.name}?`}
      action="Delete"
      isBusy={isBusy}
      problem={problem}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>It leaves the fleet, and its agent can report no more. This cannot be undone.</p>
    </ConfirmDialog>
  );
}
