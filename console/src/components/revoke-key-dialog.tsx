import { useSubmit } from '../api/use-submit.ts';
import { graphql } from '../graphql/index.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';

const REVOKE_AGENT_KEY = graphql(`
  mutation RevokeAgentKey($id: ID!) {
    revokeAgentKey(workstationId: $id)
  }
`);

interface RevokeKeyDialogProps {
  readonly workstation: { readonly id: string; readonly name: string };
  readonly onDone: (message: string) => void;
  readonly onClose: () => void;
}

/** Ends the key of a workstation's agent. */
export function RevokeKeyDialog({ workstation: { id, name }, onDone, onClose }: RevokeKeyDialogProps) {
  const { submit, isBusy, problem } = useSubmit(REVOKE_AGENT_KEY);
  const confirm = async () => {
    const data = await submit({ id });
    if (data) onDone(data.revokeAgentKey ? `The key of ${name} was revoked.` : `The agent of ${name} has no key.`);
  };
  return (
    <ConfirmDialog
      title={`Revoke the key of ${name}?`}
      action="Revoke"
      isBusy={isBusy}
      problem={problem}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>
        Its agent is refused at once, and needs an enrollment token to come back. The workstation stays in the fleet.
      </p>
    </ConfirmDialog>
  );
}
