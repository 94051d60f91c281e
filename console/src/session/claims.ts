import { ROLES, type Role } from './roles.ts';

/** What a token says about its bearer. The server verifies it; the console only reads it. */
export interface Claims {
  readonly subject: string;
  readonly roles: readonly Role[];
  readonly expiresAtMs: number;
}

/** @returns `null` for what is no token that the API could accept */
export function readClaims(token: string): Claims | null {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
      char.charCodeAt(0),
    );
    const { sub, roles, exp } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof exp !== 'number' || !Array.isArray(roles)) return null;
    const known = ROLES.filter((role) => roles.includes(role));
    return { subject: typeof sub === 'string' ? sub : 'unnamed', roles: known, expiresAtMs: exp * 1000 };
  } catch {
    return null;
  }
}
