import type { WorkstationFilter } from '../../graphql/graphql.ts';

/** Which rows are selected: some by their ids, or all that fit the filter but some. It does not depend on what is loaded. */
export type Selection =
  | { readonly kind: 'some'; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'all'; readonly except: ReadonlySet<string> };

export const NOTHING: Selection = { kind: 'some', ids: new Set() };
export const EVERYTHING: Selection = { kind: 'all', except: new Set() };

/** What one list in a filter may hold, and how many parts a filter may have, less what the page's own filter may need. */
const MAX_IDS_IN_LIST = 500;
const MAX_LISTS = 25;
export const MAX_SELECTED = MAX_IDS_IN_LIST * MAX_LISTS;

export function isSelected(selection: Selection, id: string): boolean {
  return selection.kind === 'some' ? selection.ids.has(id) : !selection.except.has(id);
}

export function select(selection: Selection, ids: readonly string[], isWanted: boolean): Selection {
  const named = new Set(selection.kind === 'some' ? selection.ids : selection.except);
  for (const id of ids) {
    if ((selection.kind === 'some') === isWanted) named.add(id);
    else named.delete(id);
  }
  return selection.kind === 'some' ? { kind: 'some', ids: named } : { kind: 'all', except: named };
}

export function countSelected(selection: Selection, total: number): number {
  return selection.kind === 'some' ? selection.ids.size : Math.max(0, total - selection.except.size);
}

/**
 * The selection as the API takes it.
 * @param filter that of the page
 * @returns `null`: all rows there are, which the API does not change at once
 */
export function toSelectionFilter(selection: Selection, filter: WorkstationFilter | null): WorkstationFilter | null {
  if (selection.kind === 'some') return { or: inLists(selection.ids) };
  if (selection.except.size === 0) return filter;
  const others: WorkstationFilter = { not: { or: inLists(selection.except) } };
  return filter ? { and: [filter, others] } : others;
}

function inLists(ids: ReadonlySet<string>): WorkstationFilter[] {
  const all = [...ids];
  const count = Math.ceil(all.length / MAX_IDS_IN_LIST);
  return Array.from({ length: count }, (_, n) => ({ ids: all.slice(n * MAX_IDS_IN_LIST, (n + 1) * MAX_IDS_IN_LIST) }));
}
