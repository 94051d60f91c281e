import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

const ROWS = ['nodes', 'edges', 'node'];

/** Which fields the rows of the connection that `info` is about are asked for, `@skip` and `@include` aside. */
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

/** The first node stands for all. Which others are merged with it may depend on conditions; nothing but speed does on that. */
const KNOWN = new WeakMap<FieldNode, ReadonlySet<string>>();
