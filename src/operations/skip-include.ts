import {
  type ConstDirectiveNode,
  type DirectiveNode,
  type DocumentNode,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';

/** The values of the variables that `@skip` and `@include` depend on. */
export type SkipIncludeValues = ReadonlyMap<string, boolean>;

/** The names of the variables that `@skip` and `@include` depend on; `null` when the document has neither. */
export function skipIncludeVariables(document: DocumentNode): readonly string[] | null {
  const names = new Set<string>();
  let isConditional = false;
  visit(document, {
    Directive(directive) {
      if (!isCondition(directive)) return;
      isConditional = true;
      const value = directive.arguments?.[0]?.value;
      if (value?.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return isConditional ? [...names] : null;
}

/** The client's values of those variables, or the operation's defaults; `null` when one of them is not a boolean. */
export function resolveSkipInclude(
  names: readonly string[],
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): SkipIncludeValues | null {
  const conditions = new Map<string, boolean>();
  for (const name of names) {
    const declared = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
    const byDefault = declared?.kind === Kind.BOOLEAN ? declared.value : undefined;
    const value = Object.hasOwn(variables, name) ? variables[name] : byDefault;
    if (typeof value !== 'boolean') return null;
    conditions.set(name, value);
  }
  return conditions;
}

/** The document with its conditions applied: without `@skip` and `@include`, and without what they leave out. */
export function applySkipInclude(document: DocumentNode, conditions: SkipIncludeValues): DocumentNode {
  const enter = <Node extends { readonly directives?: readonly DirectiveNode[] | undefined }>(node: Node) => {
    const settled = node.directives?.filter(isCondition) ?? [];
    if (settled.length === 0) return undefined;
    if (!settled.every((directive) => isIncluded(directive, conditions))) return null;
    return { ...node, directives: node.directives!.filter((directive) => !isCondition(directive)) };
  };
  return visit(document, { Field: { enter }, FragmentSpread: { enter }, InlineFragment: { enter } });
}

function isCondition({ name }: DirectiveNode | ConstDirectiveNode): boolean {
  return name.value === 'skip' || name.value === 'include';
}

function isIncluded({ name, arguments: given }: DirectiveNode, conditions: SkipIncludeValues): boolean {
  const value = given![0]!.value;
  const isMet =
    value.kind === Kind.VARIABLE ? conditions.get(value.name.value) : value.kind === Kind.BOOLEAN && value.value;
  return (name.value === 'include') === isMet;
}
