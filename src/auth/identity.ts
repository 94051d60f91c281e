/** `VIEWER < OPERATOR < ADMIN`, each including those before it. `AGENT` stands apart: it may only report telemetry. */
export const ROLES = ['VIEWER', 'OPERATOR', 'ADMIN', 'AGENT'] as const;

export type Role = (typeof ROLES)[number];

/** Who is asking, as established from a verified token or from `ANONYMOUS_ROLE`. */
export interface Identity {
  /** The token's `sub`, or `anonymous`. */
  readonly subject: string;
  /** As the token names them; empty when nobody may read anonymously. Use `hasRole`, which knows the hierarchy. */
  readonly roles: readonly Role[];
  readonly isAnonymous: boolean;
  /** The token's `exp` in milliseconds since the epoch; `null` for anonymous requests, which do not expire. */
  readonly expiresAtMs: number | null;
}

/** Whether `identity` holds `role` itself or one that includes it. */
export function hasRole(identity: Identity, role: Role): boolean {
  return identity.roles.some((held) => INCLUDES[held].includes(role));
}

const INCLUDES: Record<Role, readonly Role[]> = {
  VIEWER: ['VIEWER'],
  OPERATOR: ['VIEWER', 'OPERATOR'],
  ADMIN: ['VIEWER', 'OPERATOR', 'ADMIN'],
  AGENT: ['AGENT'],
};
