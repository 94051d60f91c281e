import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

const ROWS = ['nodes', 'edges', 'node'];

/** The fields that the operation selects on the rows of the connection of `info`, ignoring `@skip` and `@include`. */
export function fieldsOfRows({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const known = KNOWN.get(fieldNodes[0]!);
  if (known) return known;
  const fields = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) collect(fragments[selection.name.value]!.selectionSet);
      else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else if (ROWS.includes(selection.name.value) && selection.selectionSet) collect(selection.selectionSet);
      else fields.add(selection.name.value);
    }
  };
  for (const { selectionSet } of fieldNodes) if (selectionSet) collect(selectionSet);
  KNOWN.set(fieldNodes[0]!, fields);
  return fields;
}

/** By the first of the merged nodes. The others may differ with the variables; a set that is wrong costs only speed. */
const KNOWN = new WeakMap<FieldNode, ReadonlySet<string>>();
