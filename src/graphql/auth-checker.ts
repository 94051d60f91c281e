import type { AuthCheckerFn } from 'type-graphql';
import { hasRole, type Role } from '../auth/identity.ts';
import { StationmasterError } from '../errors.ts';
import type { Context } from './context.ts';

/**
 * Decides `@Authorized(...roles)`: any of `roles`, or a role that includes one, will do; with no roles named, any role
 * at all will. It says no by throwing, never by returning `false`: TypeGraphQL's own errors have no code.
 *
 * An arrow function, because TypeGraphQL takes whatever has a `prototype` for a class.
 *
 * @throws {StationmasterError} `UNAUTHENTICATED` when a token would help, `FORBIDDEN` when the token at hand will not do
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
