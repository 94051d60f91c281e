export const ROLES = ['VIEWER', 'OPERATOR', 'ADMIN', 'MONITOR', 'AGENT'] as const;

export type Role = (typeof ROLES)[number];

/** What each role includes, as on the server. Only what is shown depends on this; the server decides. */
const INCLUDES: Readonly<Record<Role, readonly Role[]>> = {
  VIEWER: ['VIEWER'],
  OPERATOR: ['VIEWER', 'OPERATOR'],
  ADMIN: ['VIEWER', 'OPERATOR', 'ADMIN', 'MONITOR'],
  MONITOR: ['MONITOR'],
  AGENT: ['AGENT'],
};

export function includesRole(held: readonly Role[], role: Role): boolean {
  return held.some((one) => INCLUDES[one].includes(role));
}
