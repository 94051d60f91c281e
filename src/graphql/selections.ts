import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

const ROWS = ['nodes', 'edges', 'node'];

/** Whether the rows of the connection that `info` is about are asked for this field, `@skip` and `@include` aside. */
export function rowsShow({ fieldNodes, fragments }: GraphQLResolveInfo, field: string): boolean {
  const known = KNOWN.get(fieldNodes[0]!)?.get(field);
  if (known !== undefined) return known;
  const shows = ({ selections }: SelectionSetNode): boolean =>
    selections.some((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return shows(fragments[selection.name.value]!.selectionSet);
      if (selection.kind === Kind.INLINE_FRAGMENT) return shows(selection.selectionSet);
      if (selection.name.value === field) return true;
      return (
        ROWS.includes(selection.name.value) && selection.selectionSet !== undefined && shows(selection.selectionSet)
      );
    });
  const found = fieldNodes.some(({ selectionSet }) => selectionSet !== undefined && shows(selectionSet));
  const answers = KNOWN.get(fieldNodes[0]!) ?? new Map<string, boolean>();
  KNOWN.set(fieldNodes[0]!, answers.set(field, found));
  return found;
}

/** The first node stands for all. Which others are merged with it may depend on conditions; nothing but speed does on that. */
const KNOWN = new WeakMap<FieldNode, Map<string, boolean>>();
