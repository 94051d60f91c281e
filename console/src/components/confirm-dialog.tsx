import type { ReactNode } from 'react';
import type { Problem } from '../api/errors.ts';
import { Dialog } from './dialog.tsx';
import { Form } from './form.tsx';
import { ProblemNotice } from './notice.tsx';

interface ConfirmDialogProps {
  readonly title: string;
  /** What will happen, and to what. */
  readonly children: ReactNode;
  /** What the button does, as a verb. */
  readonly action: string;
  readonly isBusy: boolean;
  /** Whether it is known what will happen. Default: yes. */
  readonly isReady?: boolean;
  readonly problem: Problem | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something that cannot be undone. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, action, isBusy, isReady = true, problem, onConfirm, onClose } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      <Form action={action} isBusy={isBusy} isReady={isReady} isDangerous onSubmit={onConfirm} onCancel={onClose}>
        {children}
        {problem && <ProblemNotice problem={problem} />}
      </Form>
    </Dialog>
  );
}
