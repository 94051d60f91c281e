/**
 * `VIEWER < OPERATOR < ADMIN`: each role includes those before it. `AGENT` is separate and may only report telemetry.
 * `MONITOR` reads the figures of the instances and nothing else; `ADMIN` includes it.
 */
export const ROLES = ['VIEWER', 'OPERATOR', 'ADMIN', 'AGENT', 'MONITOR'] as const;

export type Role = (typeof ROLES)[number];

/** The caller, as established from a verified token or from `ANONYMOUS_ROLE`. */
export interface Identity {
  /** The token's `sub`, `agent:` and the id of the workstation, or `anonymous`. */
  readonly subject: string;
  /** The roles that the token names; empty for anonymous callers without a role. `hasRole` applies the hierarchy. */
  readonly roles: readonly Role[];
  readonly isAnonymous: boolean;
  /** The token's `exp` in milliseconds since the epoch; `null` for anonymous requests and agents' keys, which do not expire. */
  readonly expiresAtMs: number | null;
  /** The only workstation that the caller may write, because its agent calls; absent: the roles decide alone. */
  readonly workstationId?: string;
  /**
   * Calls `listener` once, when the credentials end before they expire. Returns a function that stops the wait. Absent: they
   * cannot end.
   */
  readonly onRevoked?: (listener: () => void) => () => void;
}

/** Whether `identity` has `role` or a role that includes it. */
export function hasRole(identity: Identity, role: Role): boolean {
  for (const held of identity.roles) if (INCLUDES[held].includes(role)) return true;
  return false;
}

const INCLUDES: Record<Role, readonly Role[]> = {
  VIEWER: ['VIEWER'],
  OPERATOR: ['VIEWER', 'OPERATOR'],
  ADMIN: ['VIEWER', 'OPERATOR', 'ADMIN', 'MONITOR'],
  AGENT: ['AGENT'],
  MONITOR: ['MONITOR'],
};
