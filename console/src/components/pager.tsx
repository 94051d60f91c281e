import { useState } from 'react';

export interface Pages {
  /** The cursor that the page begins behind; `null`: it is the first one. */
  readonly after: string | null;
  /** How many rows precede the page. */
  readonly offset: number;
  next(endCursor: string): void;
  previous(): void;
}

/** The place in a list of keyset pages. @param list what the list shows: with another filter or order it begins anew */
export function usePages(list: string, size: number): Pages {
  const [place, setPlace] = useState({ list, cursors: [] as readonly string[] });
  const cursors = place.list === list ? place.cursors : [];
  return {
    after: cursors.at(-1) ?? null,
    offset: cursors.length * size,
    next: (endCursor) => setPlace({ list, cursors: [...cursors, endCursor] }),
    previous: () => setPlace({ list, cursors: cursors.slice(0, -1) }),
  };
}

interface PagerProps {
  readonly pages: Pages;
  readonly shown: number;
  readonly total: number;
  readonly endCursor: string | null;
  readonly hasNext: boolean;
}

export function Pager({ pages, shown, total, endCursor, hasNext }: PagerProps) {
  if (pages.offset === 0 && !hasNext) return null;
  return (
    <nav className="pager" aria-label="Pages">
      <button type="button" className="button" disabled={pages.offset === 0} onClick={pages.previous}>
        Previous
      </button>
      <span>
        {(pages.offset + Math.min(1, shown)).toLocaleString()}–{(pages.offset + shown).toLocaleString()} of{' '}
        {total.toLocaleString()}
      </span>
      <button
        type="button"
        className="button"
        disabled={!hasNext || endCursor === null}
        onClick={() => endCursor !== null && pages.next(endCursor)}
      >
        Next
      </button>
    </nav>
  );
}
