import type { Identity } from '../auth/identity.ts';
import { stableJson } from '../cache/index.ts';
import type { PreparedOperation, Variables } from './prepared-operations.ts';

/** Everything that the results of an operation depend on besides the data: what is asked, and the caller's rights. */
export function sharingKey(
  { document, definition, name }: Pick<PreparedOperation, 'document' | 'definition' | 'name'>,
  variables: Variables,
  { isAnonymous, roles, workstationId }: Identity,
): string {
  const names = definition.variableDefinitions?.map(({ variable }) => variable.name.value) ?? [];
  const values = names.map((variable) => [variable, variables[variable] ?? null, variable in variables]);
  return stableJson([document.loc!.source.body, name, values, roles, isAnonymous, workstationId ?? null]);
}

/** Who sees results that several callers share: somebody with the rights of each, whose token does not expire. */
export function sharedIdentity(identity: Identity): Identity {
  return { ...identity, subject: 'shared', expiresAtMs: null };
}
