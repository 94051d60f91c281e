import type { OrderDirection } from '../graphql/graphql.ts';

export interface Sort<Field extends string> {
  readonly field: Field;
  readonly direction: OrderDirection;
}

interface SortHeaderProps<Field extends string> {
  readonly field: Field;
  readonly label: string;
  readonly sort: Sort<Field>;
  readonly onSort: (sort: Sort<Field>) => void;
  /** Whether the column has numbers, which stand at its right. */
  readonly isNumber?: boolean;
}

/** The head of a column by which the table can be sorted: another click turns the order round. */
export function SortHeader<Field extends string>({ field, label, sort, onSort, isNumber }: SortHeaderProps<Field>) {
  const isSorted = sort.field === field;
  const isUp = sort.direction === 'ASC';
  return (
    <th
      scope="col"
      className={isNumber ? 'number' : undefined}
      aria-sort={isSorted ? (isUp ? 'ascending' : 'descending') : 'none'}
    >
      <button
        type="button"
        className="sort"
        onClick={() => onSort({ field, direction: isSorted && isUp ? 'DESC' : 'ASC' })}
      >
        {label}
        <span aria-hidden="true">{isSorted ? (isUp ? ' ▲' : ' ▼') : ''}</span>
      </button>
    </th>
  );
}
