import { type DocumentNode, Kind, print, visit } from 'graphql';

/** Longer documents are cut off. */
const MAX_CHARACTERS = 2048;

const printed = new WeakMap<DocumentNode, string>();

/** A document as text, with `?` in the place of each value that is written in it: such values may be secrets. */
export function printWithoutValues(document: DocumentNode): string {
  let text = printed.get(document);
  if (text === undefined) {
    text = print(visit(document, { StringValue: hide, IntValue: hide, FloatValue: hide }));
    if (text.length > MAX_CHARACTERS) text = `${text.slice(0, MAX_CHARACTERS)}…`;
    printed.set(document, text);
  }
  return text;
}

/** Printed as it is, without quotes. Enum values, booleans and null are words of the schema. */
function hide() {
  return { kind: Kind.ENUM, value: '?' } as const;
}
