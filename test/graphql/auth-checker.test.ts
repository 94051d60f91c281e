import 'reflect-metadata';
import { graphql } from 'graphql';
import { Authorized, buildSchema, Query, Resolver, type ResolverData } from 'type-graphql';
import { type Identity, ROLES, type Role } from '../../src/auth/identity.ts';
import { authChecker } from '../../src/graphql/auth-checker.ts';
import type { Context } from '../../src/graphql/context.ts';

const ANONYMOUS: Identity = { subject: 'anonymous', roles: [], isAnonymous: true, expiresAtMs: null };

function withRoles(...roles: Role[]): Identity {
  return { subject: 'ada', roles, isAnonymous: false, expiresAtMs: 1 };
}

function anonymousWith(role: Role): Identity {
  return { ...ANONYMOUS, roles: [role] };
}

function check(identity: Identity, required: Role[]): unknown {
  try {
    return authChecker({ context: { identity } } as ResolverData<Context>, required);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

describe('permissions by role:', () => {
  const MAY: Record<Role, Role[]> = {
    VIEWER: ['VIEWER'],
    OPERATOR: ['VIEWER', 'OPERATOR'],
    ADMIN: ['VIEWER', 'OPERATOR', 'ADMIN', 'MONITOR'],
    AGENT: ['AGENT'],
    MONITOR: ['MONITOR'],
  };
  const table = ROLES.flatMap((held) => ROLES.map((required) => ({ held, required })));

  test.each(table)('a token with $held on a field for $required', ({ held, required }) => {
    expect(check(withRoles(held), [required])).toBe(MAY[held].includes(required) ? true : 'FORBIDDEN');
  });

  test.each(table)('no token, with the anonymous role $held, on a field for $required', ({ held, required }) => {
    expect(check(anonymousWith(held), [required])).toBe(MAY[held].includes(required) ? true : 'UNAUTHENTICATED');
  });

  test.each(ROLES)('no token and no anonymous role, on a field for %s', (required) => {
    expect(check(ANONYMOUS, [required])).toBe('UNAUTHENTICATED');
  });
});

test('any of several required roles is enough', () => {
  expect(check(withRoles('AGENT'), ['OPERATOR', 'AGENT'])).toBe(true);
  expect(check(withRoles('ADMIN'), ['OPERATOR', 'AGENT'])).toBe(true);
  expect(check(withRoles('VIEWER'), ['OPERATOR', 'AGENT'])).toBe('FORBIDDEN');
});

test('a token may hold several roles', () => {
  expect(check(withRoles('VIEWER', 'AGENT'), ['AGENT'])).toBe(true);
  expect(check(withRoles('VIEWER', 'AGENT'), ['OPERATOR'])).toBe('FORBIDDEN');
});

test('a field without named roles is open to every role', () => {
  expect(check(withRoles('AGENT'), [])).toBe(true);
  expect(check(anonymousWith('VIEWER'), [])).toBe(true);
  expect(check(ANONYMOUS, [])).toBe('UNAUTHENTICATED');
});

describe('in a schema', () => {
  @Resolver()
  class RestrictedResolver {
    @Authorized<Role>('ADMIN')
    @Query(() => String)
    figures(): string {
      return 'figures';
    }

    @Authorized<Role>('OPERATOR', 'AGENT')
    @Query(() => String)
    reports(): string {
      return 'reports';
    }

    @Authorized()
    @Query(() => String)
    greeting(): string {
      return 'hello';
    }
  }

  async function run(source: string, identity: Identity) {
    const schema = await buildSchema({ resolvers: [RestrictedResolver], authChecker });
    return await graphql({ schema, source, contextValue: { identity } });
  }

  test('answers callers with a sufficient role', async () => {
    expect(await run('{ figures reports greeting }', withRoles('ADMIN'))).toEqual({
      data: { figures: 'figures', reports: 'reports', greeting: 'hello' },
    });
  });

  test.each([
    ['{ figures }', ANONYMOUS, 'UNAUTHENTICATED', 'This field needs a token with the role ADMIN.'],
    ['{ greeting }', ANONYMOUS, 'UNAUTHENTICATED', 'This field needs a token.'],
    [
      '{ reports }',
      withRoles('VIEWER'),
      'FORBIDDEN',
      'This field needs a token with the role OPERATOR or AGENT; yours has VIEWER.',
    ],
    [
      '{ figures }',
      withRoles('VIEWER', 'AGENT'),
      'FORBIDDEN',
      'This field needs a token with the role ADMIN; yours has VIEWER and AGENT.',
    ],
    ['{ greeting }', withRoles(), 'FORBIDDEN', 'This field needs a token; yours has none.'],
  ])('tells other callers which role %s needs', async (source, identity, code, message) => {
    const { data, errors } = await run(source, identity);
    expect(data).toBeNull();
    expect(errors?.map((error) => [error.originalError, error.message])).toEqual([
      [expect.objectContaining({ code }), message],
    ]);
  });
});
