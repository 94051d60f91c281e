import type { Config } from '../config/config.ts';
import { resolveAuth } from './development-secret.ts';
import { ROLES, type Role } from './identity.ts';
import { signToken } from './tokens.ts';

const LIFETIME_SECONDS = 24 * 60 * 60;

/** A token for each role, so that a server that was just started can be tried; `null` where an issuer signs the tokens. */
export async function developmentTokens(config: Config): Promise<Record<Role, string> | null> {
  const { secret, issuer, audience } = await resolveAuth(config);
  if (secret === undefined) return null;
  const tokens = ROLES.map(async (role) => {
    const subject = `development-${role.toLowerCase()}`;
    const expiresInSeconds = LIFETIME_SECONDS;
    return [role, await signToken({ secret, roles: [role], subject, expiresInSeconds, issuer, audience })] as const;
  });
  return Object.fromEntries(await Promise.all(tokens)) as Record<Role, string>;
}
