import { useSyncExternalStore } from 'react';
import { settings } from '../settings.ts';
import { type Claims, readClaims } from './claims.ts';
import { includesRole, type Role } from './roles.ts';

/** Who uses the console. Immutable; a change makes a new one. */
export interface Session {
  /** Sent with every request; `null`: none is. Kept for this tab only, and never part of an address. */
  readonly token: string | null;
  readonly claims: Claims | null;
  /** Those of the token, or the anonymous one. */
  readonly roles: readonly Role[];
  /** `ending`: the token expires within minutes; `ended`: it has expired, or the server refuses it. */
  readonly state: 'anonymous' | 'active' | 'ending' | 'ended';
  /** Why the server refuses the token, where it says so. */
  readonly refusal: string | null;
}

const STORED_AS = 'stationmaster.token';
/** How long before its end a session warns. */
const WARNING_MS = 5 * 60_000;
/** Timers cannot wait longer. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

let current = sessionOf(sessionStorage.getItem(STORED_AS));
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
watchExpiry();

export function getSession(): Session {
  return current;
}

export function onSessionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @returns what is wrong with the token, or `null` when it is in use now */
export function signIn(text: string): string | null {
  const token = text.trim().replace(/^Bearer\s+/i, '');
  const claims = readClaims(token);
  if (!claims) return 'This is not a token of this API. It has three parts with dots between them.';
  if (claims.expiresAtMs <= Date.now()) return 'This token has expired. Ask for a new one.';
  sessionStorage.setItem(STORED_AS, token);
  change(sessionOf(token));
  return null;
}

export function signOut(): void {
  sessionStorage.removeItem(STORED_AS);
  change(sessionOf(null));
}

/**
 * The server refused the token. It stays until another one replaces it, and with it what the page shows.
 * @param refusal the server's reason
 */
export function endSession(refusal: string | null): void {
  if (current.token !== null && current.state !== 'ended') change({ ...current, state: 'ended', refusal });
}

export function useSession(): Session {
  return useSyncExternalStore(onSessionChange, getSession);
}

/** Whether the session has `role`, so that what one may not do is not offered. */
export function useMay(role: Role): boolean {
  return includesRole(useSession().roles, role);
}

function sessionOf(token: string | null): Session {
  const claims = token === null ? null : readClaims(token);
  if (token === null || claims === null) {
    const roles = settings.anonymousRole === null ? [] : [settings.anonymousRole];
    return { token: null, claims: null, roles, state: 'anonymous', refusal: null };
  }
  return { token, claims, roles: claims.roles, state: stateOf(claims), refusal: null };
}

function stateOf({ expiresAtMs }: Claims): Session['state'] {
  const leftMs = expiresAtMs - Date.now();
  if (leftMs <= 0) return 'ended';
  return leftMs <= WARNING_MS ? 'ending' : 'active';
}

function change(session: Session): void {
  current = session;
  watchExpiry();
  for (const listener of listeners) listener();
}

/** Waits for the next time at which the token's age changes the state. */
function watchExpiry(): void {
  clearTimeout(timer);
  const { claims, state } = current;
  if (!claims || state === 'ended') return;
  const leftMs = claims.expiresAtMs - Date.now();
  const waitMs = state === 'active' ? leftMs - WARNING_MS : leftMs;
  timer = setTimeout(
    () => {
      const next = stateOf(claims);
      if (next === current.state) watchExpiry();
      else change({ ...current, state: next });
    },
    Math.min(Math.max(waitMs, 0) + 50, LONGEST_WAIT_MS),
  );
}
