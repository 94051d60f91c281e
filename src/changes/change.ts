/** A table's row as the announcement carries it: columns by their names, values as JSON says them. */
export type Row = Readonly<Record<string, unknown>>;

/** One row that a committed transaction changed. */
export interface Change {
  readonly table: string;
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly id: string;
  /** The new version; of a deletion, the last one. */
  readonly version: number;
  /** The whole row before; `null` for an insertion; `undefined` when the row was too big to be announced. */
  readonly old: Row | null | undefined;
  /** The whole row after; `null` for a deletion; `undefined` when the row was too big to be announced. */
  readonly new: Row | null | undefined;
}

/** What one instance tells all instances, itself included. */
export type Command =
  | { readonly command: 'clearCache'; readonly from: string }
  | { readonly command: 'invalidateCache'; readonly pattern: string; readonly from: string }
  /** Asks every instance how it is doing; each answers with `reported` and the same `question`. */
  | { readonly command: 'report'; readonly question: string; readonly from: string }
  | {
      readonly command: 'reported';
      readonly question: string;
      readonly from: string;
      readonly report: Readonly<Record<string, unknown>>;
    }
  /** Asks every instance for a generation of the second cache tier to join; each that can offers one with `synced`. */
  | { readonly command: 'sync'; readonly question: string; readonly from: string }
  | { readonly command: 'synced'; readonly question: string; readonly from: string; readonly generation: string };

/** One message of the feed. */
export type Message =
  | {
      readonly kind: 'changes';
      readonly xid: string;
      /** Whether this is the last part of what its statement announced. */
      readonly isLast: boolean;
      readonly changes: readonly Change[];
    }
  | { readonly kind: 'truncation'; readonly table: string; readonly xid: string }
  /** The end of a transaction that asked to be told of it. */
  | { readonly kind: 'mark'; readonly xid: string }
  | { readonly kind: 'command'; readonly command: Command };

interface AnnouncedRow {
  readonly id: string;
  readonly version: number;
  readonly old?: Row | null;
  readonly new?: Row | null;
}

/**
 * Reads one NOTIFY payload.
 * @throws {SyntaxError} when it is not one of ours: anybody may notify the channel
 */
export function decodeMessage(payload: string): Message {
  const message = JSON.parse(payload);
  if (typeof message?.mark === 'string') return { kind: 'mark', xid: message.mark };
  if (isCommand(message)) return { kind: 'command', command: message };
  if (typeof message?.table !== 'string' || typeof message.xid !== 'string') throw notOurs();
  const { table, op, xid, isLast, rows } = message;
  if (op === 'TRUNCATE') return { kind: 'truncation', table, xid };
  if (!['INSERT', 'UPDATE', 'DELETE'].includes(op) || !Array.isArray(rows) || !rows.every(isAnnouncedRow)) {
    throw notOurs();
  }
  return { kind: 'changes', xid, isLast, changes: rows.map((row) => toChange(table, op, row)) };
}

function isCommand(message: Partial<Record<string, unknown>> | null): message is Command {
  switch (message?.command) {
    case 'clearCache':
      return true;
    case 'invalidateCache':
      return typeof message.pattern === 'string';
    case 'report':
      return typeof message.question === 'string';
    case 'sync':
      return typeof message.question === 'string' && typeof message.from === 'string';
    case 'synced':
      return [message.question, message.from, message.generation].every((part) => typeof part === 'string');
    case 'reported':
      return typeof message.question === 'string' && typeof message.report === 'object' && message.report !== null;
    default:
      return false;
  }
}

function isAnnouncedRow(row: Partial<Record<string, unknown>> | null): row is AnnouncedRow & Record<string, unknown> {
  return typeof row?.id === 'string' && typeof row.version === 'number';
}

function notOurs(): SyntaxError {
  return new SyntaxError('The payload is not a message of the change feed.');
}

function toChange(table: string, op: Change['op'], row: AnnouncedRow): Change {
  const { id, version } = row;
  // Of an update only the columns that differ are sent twice.
  const old = op === 'UPDATE' && row.old && row.new ? { ...row.new, ...row.old } : row.old;
  return { table, op, id, version, old, new: row.new };
}
