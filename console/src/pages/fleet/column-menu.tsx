import { Popover } from '../../components/popover.tsx';
import { COLUMNS } from './columns.tsx';
import type { ColumnChoice } from './use-columns.ts';

export function ColumnMenu({ columns: { shown, toggle, reset } }: { readonly columns: ColumnChoice }) {
  return (
    <Popover label="Columns" title="Columns">
      <fieldset className="checks">
        <legend className="visually-hidden">Columns to show</legend>
        {COLUMNS.map(({ key, label }) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={shown.some((column) => column.key === key)}
              disabled={key === 'name'}
              onChange={() => toggle(key)}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <button type="button" className="link-button" onClick={reset}>
        Show the usual ones
      </button>
    </Popover>
  );
}
