import type { Announced } from './change.ts';

/** A point in the sequence of the announced changes, the same on every instance: right after one row of one transaction. */
export interface Place {
  readonly xid: string;
  /** The rows that the transaction had announced by then. */
  readonly rows: number;
  /**
   * Tells the transaction from another one with its number: after a failover a server gives numbers once more whose
   * transactions it had not received.
   */
  readonly check: string;
}

/** What a position names: the database, and a point, or a transaction alone. */
export type Position = { readonly databaseId: string; readonly xid: string } & Partial<Place>;

/** Stands for a transaction that is not known. */
export const UNKNOWN = '0';

/** The place after the first `rows` rows of a message. */
export function placeIn({ xid, before, at }: Announced, rows: number): Place {
  return { xid, rows: before + rows, check: at === undefined ? '0' : checkOf(at) };
}

export function formatPosition(databaseId: string, place: Place | null): string {
  if (place === null) return `${databaseId}-${UNKNOWN}`;
  return `${databaseId}-${place.xid}.${place.rows}.${place.check}`;
}

/** `null`: it is none. */
export function parsePosition(text: string): Position | null {
  const [, databaseId, xid, rows, check] = POSITION.exec(text) ?? [];
  if (databaseId === undefined || xid === undefined) return null;
  return rows === undefined ? { databaseId, xid } : { databaseId, xid, rows: Number(rows), check: check! };
}

/** 20 digits hold a transaction id of PostgreSQL, which has 64 bits (`xid8`). */
const POSITION = /^([0-9a-f]{8})-(\d{1,20})(?:\.(\d{1,15})\.([0-9a-z]{1,6}))?$/;

/** Six digits of the time in microseconds: what two transactions of one number have in common one time in two billion. */
function checkOf(atMs: number): string {
  return (Math.round(atMs * 1000) % 36 ** 6).toString(36);
}
