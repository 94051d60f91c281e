import { registerEnumType } from 'type-graphql';

/** The words for the rows in the descriptions. */
export interface ChangeWords {
  /** `a workstation` */
  readonly one: string;
  /** `workstations` */
  readonly many: string;
  /** Each a sentence of its own. Default: `It was added.`, `It was edited.` and `It was removed.` */
  readonly created?: string;
  readonly updated?: string;
  readonly deleted?: string;
}

/** The kinds as a GraphQL enum. Only those who give a filter see rows enter and leave. */
export function kindsOf(typeName: string, words: ChangeWords, hasFilter: boolean): Readonly<Record<string, string>> {
  const { created = 'It was added.', updated = 'It was edited.', deleted = 'It was removed.' } = words;
  const withFilter = (text: string, condition: string) => (hasFilter ? `${text} ${condition}` : text);
  const descriptions: Record<string, string> = {
    CREATED: withFilter(created, 'With a filter: and it fits.'),
    UPDATED: withFilter(updated, 'With a filter: it fitted before and still does.'),
    DELETED: withFilter(deleted, 'With a filter: it fitted until then.'),
    ...(hasFilter && {
      ENTERED: 'An update made it fit the filter, which it did not before.',
      LEFT: 'An update made it fit the filter no more. It is shown as it is now.',
    }),
    REFETCH: 'Changes may have been missed: fetch again what you show. The id is `*`.',
  };
  const kinds = Object.fromEntries(Object.keys(descriptions).map((kind) => [kind, kind]));
  registerEnumType(kinds, {
    name: `${typeName}ChangeKind`,
    description: `What happened to ${words.one}.`,
    valuesConfig: Object.fromEntries(Object.entries(descriptions).map(([kind, text]) => [kind, { description: text }])),
  });
  return kinds;
}
