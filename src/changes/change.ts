import type { TableOrigin } from '../database/lineage.ts';

/** A row in an announcement: JSON values by column name. */
export type Row = Readonly<Record<string, unknown>>;

/** A change of one row by a committed transaction. */
export interface Change {
  readonly table: string;
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly id: string;
  /** The new version of the row, which rises with every write; of a deletion, its last one. */
  readonly version: number;
  /** The whole row before the change; `null`: inserted; `undefined`: too large for an announcement. */
  readonly old: Row | null | undefined;
  /** The whole row after the change; `null`: deleted; `undefined`: too large for an announcement. */
  readonly new: Row | null | undefined;
}

/** What the followers of the feed are told about a message, besides what changed. All of it is the same on every instance. */
export interface Announced {
  /** The transaction, of which all messages come in a row. */
  readonly xid: string;
  /** How many rows the transaction had announced before this message; a TRUNCATE counts as one. */
  readonly before: number;
  /** When the statement announced it, in milliseconds since 1970 by the database's clock; `undefined`: by triggers that do not tell. */
  readonly at: number | undefined;
  /** The length of the message. */
  readonly bytes: number;
}

/** A message from one instance to all instances, its sender included. `from` is the id of the sender. */
export type Command =
  | { readonly command: 'clearCache'; readonly from: string }
  | { readonly command: 'invalidateCache'; readonly pattern: string; readonly from: string }
  /** Asks every instance for its figures. Each answers with `reported` and the same `question`. */
  | { readonly command: 'report'; readonly question: string; readonly from: string }
  | {
      readonly command: 'reported';
      readonly question: string;
      readonly from: string;
      readonly report: Readonly<Record<string, unknown>>;
    }
  /** Asks the instance `of` for its performance in the last minutes. It answers with parts, and the same `question`. */
  | {
      readonly command: 'history';
      readonly question: string;
      readonly from: string;
      readonly of: string;
      readonly minutes: number;
    }
  | {
      readonly command: 'historyPart';
      readonly question: string;
      readonly from: string;
      /** Counted from 0. */
      readonly part: number;
      readonly parts: number;
      readonly samples: readonly (readonly (number | null)[])[];
    }
  /** Asks for a generation of the second cache tier to join. Instances that have one answer with `synced`. */
  | { readonly command: 'sync'; readonly question: string; readonly from: string }
  | { readonly command: 'synced'; readonly question: string; readonly from: string; readonly generation: string };

/** One decoded message of the feed. `xid` is the id of the transaction that sent it. */
export type Message =
  | {
      readonly kind: 'changes';
      readonly origin: TableOrigin;
      readonly xid: string;
      /** Whether this is the last message of its statement. */
      readonly isLast: boolean;
      /** When the statement announced it, see `FeedListener.onApplied`; `undefined`: by triggers that do not tell. */
      readonly at: number | undefined;
      readonly changes: readonly Change[];
    }
  | {
      readonly kind: 'truncation';
      readonly origin: TableOrigin;
      readonly xid: string;
      readonly at: number | undefined;
    }
  /** Sent at the end of a transaction that asked for it, see `waitUntilApplied`. */
  | { readonly kind: 'mark'; readonly xid: string }
  /**
   * Sent by this instance to itself. `snapshot` was taken in the transaction that sent it, `at` is the time there, and `facts` is what that says of
   * the history of the rows, see `FACTS_DIGEST`.
   */
  | {
      readonly kind: 'echo';
      readonly id: string;
      readonly snapshot: string;
      readonly at: number | undefined;
      readonly facts: string | undefined;
    }
  /** Sent at the end of a restore, see `restored.migration.ts`. */
  | { readonly kind: 'restoration' }
  | { readonly kind: 'command'; readonly origin: Pick<Partial<TableOrigin>, 'schema'>; readonly command: Command };

interface AnnouncedRow {
  readonly id: string;
  readonly version: number;
  readonly old?: Row | null;
  readonly new?: Row | null;
}

/**
 * Decodes one NOTIFY payload.
 * @throws {SyntaxError} when it is no message of the feed, because any session may notify the channel
 */
export function decodeMessage(payload: string): Message {
  const message = JSON.parse(payload);
  if (typeof message?.mark === 'string') return { kind: 'mark', xid: message.mark };
  if (typeof message?.echo === 'string' && typeof message.snapshot === 'string') {
    const { echo: id, snapshot, facts } = message;
    return { kind: 'echo', id, snapshot, at: timeOf(message), facts };
  }
  if (message?.restored === true) return { kind: 'restoration' };
  if (isCommand(message)) {
    const { schema, ...command } = message as Command & { readonly schema?: string };
    return { kind: 'command', origin: { schema }, command };
  }
  if (typeof message?.table !== 'string' || typeof message.xid !== 'string') throw unknownPayload();
  const { table, schema, relid, op, xid, isLast, rows } = message;
  const origin = { table, schema, relid };
  const at = timeOf(message);
  if (op === 'TRUNCATE') return { kind: 'truncation', origin, xid, at };
  if (!['INSERT', 'UPDATE', 'DELETE'].includes(op) || !Array.isArray(rows) || !rows.every(isAnnouncedRow)) {
    throw unknownPayload();
  }
  return {
    kind: 'changes',
    origin,
    xid,
    at,
    isLast,
    changes: rows.map((row) => toChange({ table, op }, row)),
  };
}

function isCommand(message: Partial<Record<string, unknown>> | null): message is Command {
  switch (message?.command) {
    case 'clearCache':
      return true;
    case 'invalidateCache':
      return typeof message.pattern === 'string';
    case 'report':
      return typeof message.question === 'string';
    case 'history':
      return (
        [message.question, message.of].every((part) => typeof part === 'string') && typeof message.minutes === 'number'
      );
    case 'historyPart':
      return (
        typeof message.question === 'string' &&
        typeof message.part === 'number' &&
        typeof message.parts === 'number' &&
        Array.isArray(message.samples) &&
        message.samples.every(Array.isArray)
      );
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

/** In milliseconds since 1970, with a fraction. */
function timeOf({ at }: { readonly at?: unknown }): number | undefined {
  return typeof at === 'number' ? at : undefined;
}

function unknownPayload(): SyntaxError {
  return new SyntaxError('The payload is not a message of the change feed.');
}

function toChange({ table, op }: Pick<Change, 'table' | 'op'>, row: AnnouncedRow): Change {
  const { id, version } = row;
  // `old` of an update holds only the columns that differ.
  const old = op === 'UPDATE' && row.old && row.new ? { ...row.new, ...row.old } : row.old;
  return { table, op, id, version, old, new: row.new };
}
