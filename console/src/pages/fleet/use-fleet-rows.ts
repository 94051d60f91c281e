import { useApolloClient } from '@apollo/client/react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Problem } from '../../api/errors.ts';
import { useLive } from '../../api/use-live.ts';
import type { WorkstationFilter, WorkstationOrder } from '../../graphql/graphql.ts';
import { Anchors, type CursorReader } from './anchors.ts';
import { FLEET_STEP, FLEET_WINDOW, type FleetEdge, type FleetRow } from './documents.ts';

/** Rows that are live at a time: what fits on a large screen, and as much again on both sides. */
const WINDOW_ROWS = 150;
/** A new window is asked for before the rows of this one run out. */
const MARGIN_ROWS = 25;
/** Scrolling on and on asks for nothing. */
const SETTLE_MS = 70;

/** Where a window is: after a cursor, or the end of the list. */
interface Place {
  readonly start: number;
  readonly after: string | null;
  readonly isEnd: boolean;
}

interface LoadedWindow {
  readonly start: number;
  readonly edges: readonly FleetEdge[];
}

export interface FleetRows {
  /** `null`: not known yet. */
  readonly total: number | null;
  /** `undefined`: on its way. */
  rowAt(index: number): FleetRow | undefined;
  /** The index of the first row that is live, and how many are. */
  readonly window: { readonly start: number; readonly count: number };
  readonly isLoading: boolean;
  readonly problem: Problem | null;
}

export interface FleetRowsOptions {
  readonly filter: WorkstationFilter | null;
  readonly orderBy: WorkstationOrder | null;
  /** The rows that are on the screen. */
  readonly visible: { readonly start: number; readonly end: number };
  readonly isPaused: boolean;
}

const TOP: Place = { start: 0, after: null, isEnd: false };

/** The rows of the list, of which a window around the visible ones is live. The list may have any length. */
export function useFleetRows({ filter, orderBy, visible, isPaused }: FleetRowsOptions): FleetRows {
  const client = useApolloClient();
  const listKey = JSON.stringify([filter, orderBy]);
  const [{ key, place }, setPlace] = useState({ key: listKey, place: TOP });
  const current = key === listKey ? place : TOP;
  const windows = useRef<{ key: string; anchors: Anchors; last: LoadedWindow | null; before: LoadedWindow | null }>(
    null!,
  );
  windows.current ??= { key: listKey, anchors: new Anchors(), last: null, before: null };

  const variables = useMemo(() => {
    const page = current.isEnd ? { last: WINDOW_ROWS } : { first: WINDOW_ROWS, after: current.after };
    return { ...page, filter, orderBy };
    // `listKey` stands for filter and order.
  }, [current.isEnd, current.after, listKey]);
  const { data, problem, isLoading } = useLive(FLEET_WINDOW, { variables, isPaused });

  const total = data?.workstations.totalCount ?? null;
  const loaded = useMemo<LoadedWindow | null>(() => {
    if (!data || isLoading) return null;
    const { edges, totalCount, pageInfo } = data.workstations;
    // At its end the list is exact, whatever has come and gone on the way there.
    const isLast = current.isEnd || (!pageInfo.hasNextPage && current.start > 0);
    return { start: isLast ? Math.max(0, totalCount - edges.length) : current.start, edges };
  }, [data, isLoading, current]);

  const store = windows.current;
  if (store.key !== listKey && loaded) {
    windows.current = { key: listKey, anchors: new Anchors(), last: loaded, before: null };
  } else if (loaded && loaded !== store.last) {
    if (store.last && store.last.start !== loaded.start) store.before = store.last;
    store.last = loaded;
  }

  const shown = windows.current;
  const isCovered = total === null || shown.last === null || covers(shown.last, visible, total);
  useEffect(() => {
    if (isCovered || total === null) return;
    const search = new AbortController();
    const timer = setTimeout(async () => {
      const start = Math.max(0, Math.round((visible.start + visible.end - WINDOW_ROWS) / 2));
      const next = await findPlace(start, total, windows.current, createReader(client, filter, orderBy), search.signal);
      if (next && !search.signal.aborted) setPlace({ key: listKey, place: next });
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      search.abort();
    };
  }, [client, isCovered, visible.start, visible.end, listKey]);

  return {
    total,
    rowAt: (index) => rowIn(shown.last, index) ?? rowIn(shown.before, index),
    window: { start: shown.last?.start ?? 0, count: shown.last?.edges.length ?? 0 },
    isLoading: isLoading && (shown.last === null || key !== listKey || shown.key !== listKey),
    problem,
  };
}

function rowIn(loaded: LoadedWindow | null, index: number): FleetRow | undefined {
  return loaded?.edges[index - loaded.start]?.node;
}

function covers({ start, edges }: LoadedWindow, visible: FleetRowsOptions['visible'], total: number): boolean {
  const end = start + edges.length;
  return (
    visible.start >= (start === 0 ? 0 : start + MARGIN_ROWS) &&
    visible.end <= (end >= total ? total : end - MARGIN_ROWS)
  );
}

async function findPlace(
  start: number,
  total: number,
  { anchors, last }: { readonly anchors: Anchors; readonly last: LoadedWindow | null },
  read: CursorReader,
  signal: AbortSignal,
): Promise<Place | null> {
  if (start === 0) return TOP;
  if (start + WINDOW_ROWS >= total) return { start: Math.max(0, total - WINDOW_ROWS), after: null, isEnd: true };
  for (const index of [start, last?.start ?? 0, (last?.start ?? 0) + (last?.edges.length ?? 0)]) {
    const edge = last?.edges[index - last.start - 1];
    if (edge) anchors.add({ index, cursor: edge.cursor });
  }
  const anchor = await anchors.locate(start, total, read, signal);
  return anchor && { start, after: anchor.cursor, isEnd: false };
}

function createReader(
  client: ReturnType<typeof useApolloClient>,
  filter: WorkstationFilter | null,
  orderBy: WorkstationOrder | null,
): CursorReader {
  const ask = async (page: { first?: number; after?: string | null; last?: number; before?: string | null }) => {
    const { data } = await client.query({
      query: FLEET_STEP,
      variables: { ...page, filter, orderBy },
      fetchPolicy: 'no-cache',
    });
    return data?.workstations.pageInfo;
  };
  return {
    async forward(count, after) {
      const info = await ask({ first: count, after });
      return info?.endCursor ?? null;
    },
    async backward(count, before) {
      const info = await ask({ last: count, before });
      return info?.startCursor ?? null;
    },
  };
}
