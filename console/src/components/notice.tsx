import type { ReactNode } from 'react';
import type { Problem } from '../api/errors.ts';

export type Tone = 'info' | 'success' | 'warning' | 'error';

interface NoticeProps {
  readonly tone: Tone;
  readonly children: ReactNode;
  /** What to do about it: buttons or links. */
  readonly actions?: ReactNode;
}

/** A message in the page. Errors are announced at once, everything else when the reader pauses. */
export function Notice({ tone, children, actions }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
      <div className="notice-text">{children}</div>
      {actions && <div className="notice-actions">{actions}</div>}
    </div>
  );
}

/** An error of the API, with a way to try again. */
export function ProblemNotice({ problem, onRetry }: { readonly problem: Problem; readonly onRetry?: () => void }) {
  const retry = onRetry && (
    <button type="button" className="button" onClick={onRetry}>
      Try again
    </button>
  );
  return (
    <Notice tone="error" actions={retry}>
      {problem.text}
    </Notice>
  );
}
