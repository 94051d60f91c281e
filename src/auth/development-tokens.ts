import type { Config } from '../config/config.ts';
import { resolveAuth } from './development-secret.ts';
import { ROLES, type Role } from './identity.ts';
import { signToken } from './tokens.ts';

const LIFETIME_SECONDS = 24 * 60 * 60;

/** A token for each role, so that a server that was just started can be tried; `null` where an issuer signs the tokens. */
export async function developmentTokens(config: Config): Promise<Record<Role, string> | null> {
  const auth = await resolveAuth(config);
  if (auth.secret === undefined) return null;
  const tokens = ROLES.map(async (role) => [role, await signDevelopmentToken(auth, role)] as const);
  return Object.fromEntries(await Promise.all(tokens)) as Record<Role, string>;
}

/**
 * Returns a function that signs a token for a role; `undefined` unless the server is in development and generated its secret.
 * A configured secret may be that of other servers as well.
 */
export function createDevelopmentSigner(config: Config): ((role: Role) => Promise<string>) | undefined {
  const { auth, environment } = config;
  if (environment === 'production' || auth.secret !== undefined || auth.jwksUrl !== undefined) return undefined;
  return async (role) => signDevelopmentToken(await resolveAuth(config), role);
}

function signDevelopmentToken({ secret, issuer, audience }: Config['auth'], role: Role): Promise<string> {
  const subject = `development-${role.toLowerCase()}`;
  const claims = { roles: [role], subject, expiresInSeconds: LIFETIME_SECONDS, issuer, audience };
  return signToken({ secret: secret!, ...claims });
}
