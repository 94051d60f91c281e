import { type ArgumentNode, type DocumentNode, type FieldNode, type GraphQLSchema, Kind } from 'graphql';

const SINCE = 'since';

/** The document of a subscription as if it asked for what came after `position`, where its field can be resumed. */
export function resumeAfter(document: DocumentNode, position: string, schema: GraphQLSchema): DocumentNode {
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  const since: ArgumentNode = {
    kind: Kind.ARGUMENT,
    name: { kind: Kind.NAME, value: SINCE },
    value: { kind: Kind.STRING, value: position },
  };
  const resume = (field: FieldNode): FieldNode => {
    const { arguments: given = [], name } = field;
    if (!fields[name.value]?.args.some((argument) => argument.name === SINCE)) return field;
    return { ...field, arguments: [...given.filter((argument) => argument.name.value !== SINCE), since] };
  };
  const definitions = document.definitions.map((definition) => {
    if (definition.kind !== Kind.OPERATION_DEFINITION || definition.operation !== 'subscription') return definition;
    const selections = definition.selectionSet.selections.map((selection) =>
      selection.kind === Kind.FIELD ? resume(selection) : selection,
    );
    return { ...definition, selectionSet: { ...definition.selectionSet, selections } };
  });
  return { ...document, definitions };
}
