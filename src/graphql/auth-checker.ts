import type { AuthCheckerFn } from 'type-graphql';
import { hasRole, type Role } from '../auth/identity.ts';
import { StationmasterError } from '../errors.ts';
import type { Context } from './context.ts';

/**
 * Decides `@Authorized(...roles)` by `requireRole`.
 *
 * An arrow function, because TypeGraphQL treats anything with a `prototype` as a class.
 */
export const authChecker: AuthCheckerFn<Context, Role> = ({ context }, roles) => {
  requireRole(context, roles);
  return true;
};

/**
 * The caller needs one of `roles` or a role that includes one; without `roles`, any role is enough. It refuses by throwing
 * instead of returning `false`, because TypeGraphQL's own errors have no code.
 *
 * @throws {StationmasterError} `UNAUTHENTICATED` if the caller sent no token, `FORBIDDEN` if its token is not enough
 */
export function requireRole({ identity }: Pick<Context, 'identity'>, roles: readonly Role[]): void {
  // Loops, because lists check each row: `some` would create a closure for it.
  for (const role of roles) if (hasRole(identity, role)) return;
  if (roles.length === 0 && identity.roles.length > 0) return;
  if (identity.isAnonymous)
    throw new StationmasterError('UNAUTHENTICATED', `This field needs a token${naming(roles)}.`);
  throw new StationmasterError('FORBIDDEN', `This field needs a token${naming(roles)}; yours has ${held(identity)}.`);
}

function naming(roles: readonly Role[]): string {
  return roles.length === 0 ? '' : ` with the role ${roles.join(' or ')}`;
}

function held({ roles }: { roles: readonly Role[] }): string {
  return roles.length === 0 ? 'none' : roles.join(' and ');
}
