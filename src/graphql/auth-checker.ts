import type { AuthCheckerFn } from 'type-graphql';
import { hasRole, type Role } from '../auth/identity.ts';
import { StationmasterError } from '../errors.ts';
import type { Context } from './context.ts';

/**
 * Decides `@Authorized(...roles)`: the caller needs one of `roles` or a role that includes one; without `roles`, any role is
 * enough. It refuses by throwing instead of returning `false`, because TypeGraphQL's own errors have no code.
 *
 * An arrow function, because TypeGraphQL treats anything with a `prototype` as a class.
 *
 * @throws {StationmasterError} `UNAUTHENTICATED` if the caller sent no token, `FORBIDDEN` if its token is not enough
 */
export const authChecker: AuthCheckerFn<Context, Role> = ({ context: { identity } }, roles) => {
  const isAllowed = roles.length === 0 ? identity.roles.length > 0 : roles.some((role) => hasRole(identity, role));
  if (isAllowed) return true;
  if (identity.isAnonymous)
    throw new StationmasterError('UNAUTHENTICATED', `This field needs a token${naming(roles)}.`);
  throw new StationmasterError('FORBIDDEN', `This field needs a token${naming(roles)}; yours has ${held(identity)}.`);
};

function naming(roles: readonly Role[]): string {
  return roles.length === 0 ? '' : ` with the role ${roles.join(' or ')}`;
}

function held({ roles }: { roles: readonly Role[] }): string {
  return roles.length === 0 ? 'none' : roles.join(' and ');
}
