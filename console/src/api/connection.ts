import { useSyncExternalStore } from 'react';

/** Whether live data arrives. `idle`: nothing needs a connection. */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'lost';

let state: ConnectionState = 'idle';
const listeners = new Set<() => void>();

export function setConnectionState(next: ConnectionState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnectionState(): ConnectionState {
  return useSyncExternalStore(subscribe, () => state);
}
