import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { explain } from '../../api/errors.ts';
import { useSubmit } from '../../api/use-submit.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { ProblemNotice } from '../../components/notice.tsx';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import { Ago, Moment } from '../../components/time.tsx';
import type { AgentEnrollmentsQuery } from '../../graphql/graphql.ts';
import { ENROLLMENTS, REVOKE_ENROLLMENT } from './agent-documents.ts';
import { CreateEnrollment } from './create-enrollment.tsx';

/** Enrollments are not part of what can be live, so their uses are asked for now and then. */
const POLL_MS = 5000;

type Enrollment = AgentEnrollmentsQuery['agentEnrollments'][number];

interface EnrollmentsProps {
  readonly onDone: (message: string) => void;
}

/** The tokens with which agents enroll. */
export function Enrollments({ onDone }: EnrollmentsProps) {
  const { data, error, refetch } = useQuery(ENROLLMENTS, { pollInterval: POLL_MS });
  const [isCreating, setCreating] = useState(false);
  const [revoked, setRevoked] = useState<Enrollment | null>(null);
  const update = () => void refetch().catch(() => {});
  return (
    <section className="card record" aria-labelledby="enrollments-title">
      <header className="card-head">
        <h2 id="enrollments-title">Enrollment tokens</h2>
        <button type="button" className="button button-primary" onClick={() => setCreating(true)}>
          Create a token
        </button>
      </header>
      {error && <ProblemNotice problem={explain(error)} onRetry={update} />}
      {!data && !error && <Loading what="the tokens" />}
      {data?.agentEnrollments.length === 0 && (
        <Empty title="There is no token yet.">
          <p>Create one to enroll your first machine.</p>
        </Empty>
      )}
      {data && data.agentEnrollments.length > 0 && (
        <ScrollingTable>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Label</th>
                <th scope="col">State</th>
                <th scope="col">Machines</th>
                <th scope="col">Created</th>
                <th scope="col">Expires</th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {data.agentEnrollments.map((enrollment) => (
                <Row key={enrollment.id} enrollment={enrollment} onRevoke={setRevoked} />
              ))}
            </tbody>
          </table>
        </ScrollingTable>
      )}
      {isCreating && (
        <CreateEnrollment
          onCreated={update}
          onClose={() => {
            setCreating(false);
            update();
          }}
        />
      )}
      {revoked && (
        <RevokeEnrollment
          enrollment={revoked}
          onDone={(message) => {
            onDone(message);
            setRevoked(null);
            update();
          }}
          onClose={() => setRevoked(null)}
        />
      )}
    </section>
  );
}

function Row({
  enrollment,
  onRevoke,
}: {
  readonly enrollment: Enrollment;
  readonly onRevoke: (enrollment: Enrollment) => void;
}) {
  const { label, uses, maxUses, createdAt, expiresAt, revokedAt } = enrollment;
  const state = stateOf(enrollment);
  return (
    <tr>
      <th scope="row">{label}</th>
      <td>
        <span className={`tag token-${state === 'Usable' ? 'usable' : 'over'}`}>{state}</span>
      </td>
      <td>
        {uses.toLocaleString()} of {maxUses.toLocaleString()}
      </td>
      <td>
        <Moment at={createdAt} />
      </td>
      <td>{revokedAt ? '–' : <Ago at={expiresAt} />}</td>
      <td>
        <button
          type="button"
          className="button"
          aria-label={`Revoke ${label}`}
          disabled={revokedAt !== null}
          onClick={() => onRevoke(enrollment)}
        >
          Revoke
        </button>
      </td>
    </tr>
  );
}

function stateOf({ uses, maxUses, expiresAt, revokedAt }: Enrollment): string {
  if (revokedAt) return 'Revoked';
  if (Date.parse(expiresAt) <= Date.now()) return 'Expired';
  return uses >= maxUses ? 'Used up' : 'Usable';
}

interface RevokeEnrollmentProps {
  readonly enrollment: Enrollment;
  readonly onDone: (message: string) => void;
  readonly onClose: () => void;
}

function RevokeEnrollment({ enrollment: { id, label, uses }, onDone, onClose }: RevokeEnrollmentProps) {
  const { submit, isBusy, problem } = useSubmit(REVOKE_ENROLLMENT);
  const confirm = async () => {
    if (await submit({ id })) onDone(`The token “${label}” was revoked.`);
  };
  return (
    <ConfirmDialog
      title={`Revoke “${label}”?`}
      action="Revoke"
      isBusy={isBusy}
      problem={problem}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>
        No further machine can enroll with it.{' '}
        {uses > 0 && `The ${uses.toLocaleString()} that did keep their keys: revoke those below, one by one.`}
      </p>
    </ConfirmDialog>
  );
}
