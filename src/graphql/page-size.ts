export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 500;

export interface ListLength {
  /** The argument that the length depends on, and its value when it is left out. */
  readonly argument: string;
  readonly usual: number;
  /** How many values the list has for each unit of the argument. */
  readonly valuesEach: number;
}

/** The fields that are lists without pages, and how long they are. */
export const LISTS = {
  cacheRemovals: { argument: 'first', usual: 50, valuesEach: 1 },
  dependencies: { argument: 'first', usual: 100, valuesEach: 1 },
  // A sample for every five seconds.
  performanceHistory: { argument: 'minutes', usual: 15, valuesEach: 12 },
} as const satisfies Record<string, ListLength>;
