import type { Column } from './columns.ts';

/** What is summed up of the rows that fit a filter, by the properties of the entity. */
export interface SummaryOptions<Property extends string = string> {
  /** How many rows have each of the values. */
  readonly groups?: readonly Property[];
  /** How many rows have no value. */
  readonly missing?: readonly Property[];
  /** How many rows have a value, and the least, the mean and the greatest of these: of finite numbers. */
  readonly measures?: readonly Property[];
}

/** What is summed up, as columns. */
export interface SummaryColumns {
  readonly groups: readonly Column[];
  readonly missing: readonly Column[];
  readonly measures: readonly Column[];
}

export interface MeasureSummary {
  readonly reported: number;
  /** `null`, as the other two: no row has a value. */
  readonly minimum: number | null;
  readonly average: number | null;
  readonly maximum: number | null;
}

/** How many rows have a value. */
export type GroupCount = readonly [value: string | null, count: number];

/** The figures of the rows that fit a filter, by the properties they are about. */
export interface Summary {
  readonly total: number;
  /** Only values that some row has: those of an enum in its order, others by how many rows have them. */
  readonly groups: Readonly<Record<string, readonly GroupCount[]>>;
  readonly missing: Readonly<Record<string, number>>;
  readonly measures: Readonly<Record<string, MeasureSummary>>;
}

/** @throws {TypeError} when a property cannot be summed up like that */
export function summaryColumnsOf(columns: readonly Column[], options: SummaryOptions): SummaryColumns {
  const { groups = [], missing = [], measures = [] } = options;
  const columnOf = (property: string) => columns.find((column) => column.property === property)!;
  const named = (properties: readonly string[]) => properties.map(columnOf);
  const summed = { groups: named(groups), missing: named(missing), measures: named(measures) };
  const wrong = [
    ...summed.groups.filter(({ kind }) => kind !== 'text' && kind !== 'uuid'),
    ...summed.measures.filter(({ kind }) => kind !== 'float' && kind !== 'int'),
  ];
  if (wrong.length > 0) throw new TypeError(`${wrong[0]!.property} cannot be summed up like that.`);
  return summed;
}
