import { type ConnectionState, useConnectionState } from '../api/connection.ts';
import { Notice } from './notice.tsx';

const LABELS: Readonly<Record<ConnectionState, string>> = {
  idle: 'No live data on this page',
  connecting: 'Connecting',
  connected: 'Live',
  lost: 'Connection lost',
};

/** A small sign that says whether what is shown is live. */
export function ConnectionLight() {
  const state = useConnectionState();
  if (state === 'idle') return null;
  return (
    <span className={`connection connection-${state}`} title={LABELS[state]}>
      <span className="connection-dot" aria-hidden="true" />
      {LABELS[state]}
    </span>
  );
}

/** Tells of a loss where it cannot be missed. The region is always there, so that screen readers notice its text. */
export function ConnectionBanner() {
  const isLost = useConnectionState() === 'lost';
  return (
    <div className="banner" aria-live="polite">
      {isLost && <Notice tone="warning">Connection lost, trying again. What you see may be out of date.</Notice>}
    </div>
  );
}
