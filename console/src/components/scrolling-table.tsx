import type { ReactNode } from 'react';

interface ScrollingTableProps {
  /**
   * The id of what names the table. With it the area takes the focus, so that the arrow keys scroll it; needed where nothing
   * in the table does.
   */
  readonly labelledBy?: string;
  readonly children: ReactNode;
}

/** A table that may be wider than the window. */
export function ScrollingTable({ labelledBy, children }: ScrollingTableProps) {
  if (labelledBy === undefined) return <div className="table-scroll">{children}</div>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section className="table-scroll" tabIndex={0} aria-labelledby={labelledBy}>
      {children}
    </section>
  );
}
