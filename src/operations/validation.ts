import {
  type ASTNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
  visit,
} from 'graphql';
import type { QueryGuard } from './query-limits.ts';

export interface ValidatorParts {
  readonly schema: GraphQLSchema;
  readonly guard: QueryGuard;
  /** Whether clients may ask for the schema. */
  readonly introspection: boolean;
  /** Beyond those of the specification. */
  readonly rules?: readonly ValidationRule[] | undefined;
}

/** A document that may be executed, or the errors because of which it may not. */
export type Validated =
  | { readonly document: DocumentNode; readonly errors: null }
  | { readonly document: null; readonly errors: readonly GraphQLError[] };

export type Validator = (text: string) => Validated;

/** Makes the function that parses and validates the text of a document, for every transport. */
export function createValidator({ schema, guard, introspection, rules = [] }: ValidatorParts): Validator {
  const hidden = introspection ? [] : [forbidIntrospection];
  const allRules = [guard.rule, ...specifiedRules, ...hidden, ...rules];
  return (text) => {
    try {
      const document = parse(text, guard.parseOptions);
      const errors = mergeRepeated(document, validate(schema, document, allRules));
      return errors.length > 0 ? { document: null, errors } : { document, errors: null };
    } catch (error) {
      // A rule of graphql-js throws when the root field of a subscription depends on a variable.
      if (error instanceof GraphQLError) return { document: null, errors: [error] };
      throw error;
    }
  };
}

/** Of graphql-js' rule every field below `__schema` would be an error of its own. */
const forbidIntrospection: ValidationRule = (context) => ({
  Field(node) {
    const name = node.name.value;
    if (name !== '__schema' && name !== '__type') return undefined;
    const message = `GraphQL introspection has been disabled, but the requested query contained the field "${name}".`;
    context.reportError(new GraphQLError(message, { nodes: node }));
    return false;
  },
});

/**
 * Makes one error of those that say the same about several directives, or several arguments, of one node: ten unknown
 * directives on a field are one mistake. The error keeps the first message and the locations of all.
 */
function mergeRepeated(document: DocumentNode, errors: readonly GraphQLError[]): readonly GraphQLError[] {
  if (errors.length < 2) return errors;
  const owners = findOwners(document);
  const merged = new Map<unknown, GraphQLError>();
  const numbers = new Map<ASTNode, number>();
  for (const error of errors) {
    const owner = error.nodes?.[0] && owners.get(error.nodes[0]);
    if (owner && !numbers.has(owner)) numbers.set(owner, numbers.size);
    const key = owner ? `${numbers.get(owner)} ${error.message.replace(/"[^"]*"/g, '""')}` : error;
    const first = merged.get(key);
    merged.set(key, first ? joined(first, error) : error);
  }
  return [...merged.values()];
}

function joined(first: GraphQLError, { nodes = [] }: GraphQLError): GraphQLError {
  const { message, nodes: known = [], originalError, extensions } = first;
  return new GraphQLError(message, { nodes: [...new Set([...known, ...nodes])], originalError, extensions });
}

/** The node that each directive and each argument belongs to. */
function findOwners(document: DocumentNode): ReadonlyMap<ASTNode, ASTNode> {
  const owners = new Map<ASTNode, ASTNode>();
  const note = (node: ASTNode, _key: unknown, _parent: unknown, _path: unknown, ancestors: readonly unknown[]) => {
    // The parent is the list that the node is in, the last ancestor the node that has the list.
    owners.set(node, ancestors.at(-1) as ASTNode);
  };
  visit(document, { [Kind.DIRECTIVE]: note, [Kind.ARGUMENT]: note });
  return owners;
}
