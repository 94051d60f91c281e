import { Kind, type OperationDefinitionNode, visit } from 'graphql';
import type { Identity } from '../auth/identity.ts';
import { stableJson } from '../cache/index.ts';
import type { PreparedOperation, Variables } from './prepared-operations.ts';

type Asked = Pick<PreparedOperation, 'document' | 'definition' | 'name'>;

/** Everything that the results of an operation depend on besides the data: what is asked, and the caller's rights. */
export function sharingKey(asked: Asked, variables: Variables, identity: Identity): string {
  const { document, definition, name } = asked;
  const { isAnonymous, roles, workstationId } = identity;
  const resuming = resumingVariableOf(asked);
  const names = definition.variableDefinitions?.map(({ variable }) => variable.name.value) ?? [];
  const values = names
    .filter((variable) => variable !== resuming)
    .map((variable) => [variable, variables[variable] ?? null, variable in variables]);
  return stableJson([document.loc!.source.body, name, values, roles, isAnonymous, workstationId ?? null]);
}

/** Who sees results that several callers share: somebody with the rights of each, whose token does not expire. */
export function sharedIdentity(identity: Identity): Identity {
  return { ...identity, subject: 'shared', expiresAtMs: null };
}

/** The argument by which a subscriber says where to go on. It decides what is replayed, and not how an event looks. */
const RESUMING_ARGUMENT = 'since';

const known = new WeakMap<OperationDefinitionNode, string | null>();

/** The variable that a subscription uses for nothing but to resume; `null`: there is none. */
function resumingVariableOf({ document, definition }: Asked): string | null {
  if (definition.operation !== 'subscription') return null;
  let name = known.get(definition);
  if (name !== undefined) return name;
  name = resumingArgumentOf(definition);
  let uses = 0;
  if (name !== null) visit(document, { Variable: (node) => void (node.name.value === name && uses++) });
  // One of them is its declaration.
  if (uses !== 2) name = null;
  known.set(definition, name);
  return name;
}

function resumingArgumentOf({ selectionSet }: OperationDefinitionNode): string | null {
  const [root] = selectionSet.selections;
  if (root?.kind !== Kind.FIELD) return null;
  const value = root.arguments?.find((argument) => argument.name.value === RESUMING_ARGUMENT)?.value;
  return value?.kind === Kind.VARIABLE ? value.name.value : null;
}
