import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type MouseEvent, useEffect, useId, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import type { Column } from './columns.tsx';
import type { FleetRow } from './documents.ts';
import type { FleetQuery, SortField } from './fleet-query.ts';
import { isSelected, type Selection } from './selection.ts';
import { useChangedRows } from './use-changed-rows.ts';

const ROW_HEIGHT = 33;
const SELECT_WIDTH = 40;
const OVERSCAN_ROWS = 8;

interface FleetTableProps {
  readonly columns: readonly Column[];
  readonly total: number;
  readonly rowAt: (index: number) => FleetRow | undefined;
  readonly isLoading: boolean;
  readonly sort: FleetQuery['sort'];
  readonly onSort: (field: SortField) => void;
  readonly selection: Selection;
  readonly onSelect: (ids: readonly string[], isWanted: boolean) => void;
  readonly onSelectAll: (isWanted: boolean) => void;
  readonly onVisible: (visible: { start: number; end: number }) => void;
  /** Another list begins at its top. */
  readonly listKey: string;
}

/** The fleet as a grid of which only the rows on the screen are in the document. */
export function FleetTable(props: FleetTableProps) {
  const { columns, total, rowAt, isLoading, selection, onSelect, onSelectAll, onVisible, listKey } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const anchor = useRef(0);
  const gridId = useId();
  const navigate = useNavigate();
  const virtualizer = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN_ROWS,
    scrollPaddingStart: ROW_HEIGHT,
    scrollMargin: ROW_HEIGHT,
  });
  const items = virtualizer.getVirtualItems();
  const start = items[0]?.index ?? 0;
  const end = (items.at(-1)?.index ?? -1) + 1;
  useEffect(() => onVisible({ start, end }), [onVisible, start, end]);

  // Nothing but another list goes back to the top.
  useEffect(() => {
    setActive(0);
    scroller.current?.scrollTo({ top: 0 });
  }, [listKey]);

  const rendered = items.map(({ index }) => rowAt(index)).filter((row) => row !== undefined);
  const isBusy = isLoading || rendered.length < items.length;
  const changeClass = useChangedRows(rendered);

  const selectRange = (from: number, to: number, isWanted: boolean) => {
    const indexes = Array.from({ length: Math.abs(to - from) + 1 }, (_, n) => Math.min(from, to) + n);
    const ids = indexes.map((index) => rowAt(index)?.id).filter((id) => id !== undefined);
    onSelect(ids, isWanted);
  };
  const toggle = (index: number, withShift: boolean) => {
    const row = rowAt(index);
    if (!row) return;
    if (withShift) selectRange(anchor.current, index, true);
    else onSelect([row.id], !isSelected(selection, row.id));
    if (!withShift) anchor.current = index;
    setActive(index);
  };
  const move = (index: number, withShift: boolean) => {
    const next = Math.max(0, Math.min(total - 1, index));
    if (withShift) selectRange(active, next, true);
    setActive(next);
    virtualizer.scrollToIndex(next);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const targets: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: total - 1,
    };
    const target = targets[event.key];
    if (target !== undefined) move(target, event.shiftKey);
    else if (event.key === ' ') toggle(active, event.shiftKey);
    else if (event.key === 'Enter' && rowAt(active)) void navigate(`/workstations/${rowAt(active)!.id}`);
    else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) onSelectAll(true);
    else if (event.key === 'Escape') onSelectAll(false);
    else return;
    event.preventDefault();
  };

  const template = `${SELECT_WIDTH}px ${columns.map(({ width }, n) => `minmax(${width}px, ${n === 0 ? 1.5 : 1}fr)`).join(' ')}`;
  const minWidth = SELECT_WIDTH + columns.reduce((sum, { width }) => sum + width, 0);
  const rowId = (index: number) => `${gridId}-${index}`;
  const hasActive = active >= start && active < end;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <table> cannot leave rows out and tell how many there are.
    <div
      ref={scroller}
      className="grid-scroll"
      role="grid"
      aria-label="Workstations"
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-busy={isBusy}
      aria-activedescendant={hasActive ? rowId(active) : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div
        className="grid-body"
        style={{ height: virtualizer.getTotalSize() + ROW_HEIGHT, minWidth }}
        role="presentation"
      >
        <HeaderRow {...props} template={template} />
        {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
        <div role="rowgroup">
          {items.map(({ index, start: top }) => {
            const row = rowAt(index);
            return (
              <Row
                key={index}
                id={rowId(index)}
                index={index}
                row={row}
                columns={columns}
                top={top}
                template={template}
                isActive={index === active}
                isChosen={row !== undefined && isSelected(selection, row.id)}
                changeClass={row ? changeClass(row.id) : ''}
                onToggle={toggle}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function HeaderRow({
  columns,
  selection,
  sort,
  onSort,
  onSelectAll,
  total,
  template,
}: FleetTableProps & { template: string }) {
  const hasAll = selection.kind === 'all';
  const hasSome = !hasAll && selection.ids.size > 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above.
    <div role="rowgroup" className="grid-head">
      {/* biome-ignore lint/a11y: the grid takes the focus and names the active row. */}
      <div role="row" aria-rowindex={1} className="grid-row" style={{ gridTemplateColumns: template }}>
        {/* biome-ignore lint/a11y: as above. */}
        <div role="columnheader" className="grid-cell grid-select">
          <input
            type="checkbox"
            aria-label={`Select all ${total} workstations`}
            checked={hasAll && selection.except.size === 0}
            ref={(element) => {
              if (element) element.indeterminate = hasSome || (hasAll && selection.except.size > 0);
            }}
            onChange={(event) => onSelectAll(event.target.checked)}
          />
        </div>
        {columns.map(({ key, label, sort: field }) => {
          const isSorted = field !== undefined && sort?.field === field;
          const direction = isSorted ? (sort.isDescending ? 'descending' : 'ascending') : 'none';
          return (
            // biome-ignore lint/a11y: as above.
            <div key={key} role="columnheader" className="grid-cell" aria-sort={field ? direction : undefined}>
              {field ? (
                <button type="button" className="sort-button" onClick={() => onSort(field)}>
                  {label}
                  <span className="sort-sign" aria-hidden="true">
                    {isSorted ? (sort.isDescending ? '↓' : '↑') : '↕'}
                  </span>
                </button>
              ) : (
                label
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly index: number;
  readonly row: FleetRow | undefined;
  readonly columns: readonly Column[];
  readonly top: number;
  readonly template: string;
  readonly isActive: boolean;
  readonly isChosen: boolean;
  readonly changeClass: string;
  readonly onToggle: (index: number, withShift: boolean) => void;
}

function Row({ id, index, row, columns, top, template, isActive, isChosen, changeClass, onToggle }: RowProps) {
  const onClick = (event: MouseEvent) => {
    if ((event.target as Element).closest('a, input')) return;
    onToggle(index, event.shiftKey);
  };
  return (
    // biome-ignore lint/a11y: the grid handles the keys.
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isChosen}
      className={`grid-row ${isActive ? 'grid-row-active' : ''} ${changeClass}`}
      style={{ gridTemplateColumns: template, transform: `translateY(${top}px)` }}
      onClick={onClick}
    >
      {/* biome-ignore lint/a11y: as above. */}
      <div role="gridcell" className="grid-cell grid-select">
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={row ? `Select ${row.name}` : 'Select'}
          checked={isChosen}
          disabled={!row}
          onChange={() => {}}
          onClick={(event) => onToggle(index, event.shiftKey)}
        />
      </div>
      {columns.map(({ key, render }) => (
        // biome-ignore lint/a11y: as above.
        <div key={key} role="gridcell" className={`grid-cell grid-${key}`}>
          {row ? render(row) : <span className="skeleton" aria-hidden="true" />}
        </div>
      ))}
    </div>
  );
}
