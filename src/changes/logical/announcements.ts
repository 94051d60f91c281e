import { decodePgOutput, type PgOutputMessage, type Relation, type Tuple } from './pgoutput.ts';
import { completed, RowJson } from './row-json.ts';

/** What follows from the stream, in its order. */
export interface AnnouncementHandlers {
  /** A transaction begins, of which all payloads follow. @param xid as `pg_current_xact_id()` gives it */
  onBegin(xid: string): void;
  /** A payload as triggers send it by NOTIFY, or a message of an instance. */
  onPayload(payload: string): void;
}

export interface AnnouncementsOptions extends AnnouncementHandlers {
  /** Completes the lower 32 bits of a transaction's id. */
  readonly widen: (xid: number) => string;
  /** The prefixes of the messages that are for this instance. */
  readonly prefixes: ReadonlySet<string>;
}

/** A transaction announces single rows until their JSON comes to this, as the triggers do. */
const MAX_ANNOUNCED_CHARACTERS = 8_000_000;
/** Rows share a payload up to this. It is worth some milliseconds of work. */
const MAX_PAYLOAD_CHARACTERS = 16_384;
/** A larger row is announced by id and version only. */
const MAX_ROW_CHARACTERS = 65_536;

type Op = 'INSERT' | 'UPDATE' | 'DELETE';

interface Table {
  /** The beginning of each of its payloads. */
  readonly head: string;
  readonly json: RowJson;
}

interface Transaction {
  readonly xid: string;
  readonly atMs: number;
  /** The length of the rows so far. */
  announced: number;
  /** The tables that were announced as a whole. */
  readonly whole: Set<number>;
  hasRows: boolean;
}

/**
 * Translates the stream of `pgoutput` into the payloads that triggers send: `{ table, schema, relid, xid, at, op, isLast, rows }`.
 *
 * The rows of a transaction are announced until they come to 8 MB, and each table that it changes further as a whole. At its
 * end comes its mark. Every instance makes the same payloads of the same transaction.
 */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #tables = new Map<number, Table>();
  #transaction: Transaction | undefined;
  /** Rows of one table and one kind that wait for more of them. */
  #part: { readonly relid: number; readonly op: Op; rows: string } | undefined;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** @throws {RangeError} when the message is not of the protocol */
  receive(buffer: Buffer): void {
    this.#translate(decodePgOutput(buffer));
  }

  #translate(message: PgOutputMessage): void {
    switch (message.kind) {
      case 'begin': {
        const xid = this.#options.widen(message.xid);
        this.#transaction = { xid, atMs: message.committedAtMs, announced: 0, whole: new Set(), hasRows: false };
        this.#options.onBegin(xid);
        break;
      }
      case 'commit': {
        this.#flush(true);
        const { hasRows, xid } = this.#current;
        if (hasRows) this.#options.onPayload(`{"mark":"${xid}"}`);
        this.#transaction = undefined;
        break;
      }
      case 'relation':
        this.#flush(false);
        this.#tables.set(message.relation.relid, describe(message.relation));
        break;
      case 'insert':
        this.#announce(message.relid, 'INSERT', null, message.new);
        break;
      case 'update':
        this.#announce(message.relid, 'UPDATE', message.old, completed(message.new, message.old));
        break;
      case 'delete':
        this.#announce(message.relid, 'DELETE', message.old, null);
        break;
      case 'truncate':
        for (const relid of message.relids) this.#announceWhole(relid);
        break;
      case 'message':
        if (!this.#options.prefixes.has(message.prefix)) return;
        this.#flush(true);
        this.#options.onPayload(message.content);
    }
  }

  #announce(relid: number, op: Op, old: Tuple | null, now: Tuple | null): void {
    const transaction = this.#current;
    if (transaction.whole.has(relid)) return;
    const row = transaction.announced > MAX_ANNOUNCED_CHARACTERS ? null : rowOf(this.#table(relid).json, op, old, now);
    if (row === null) {
      transaction.whole.add(relid);
      this.#announceWhole(relid);
      return;
    }
    transaction.hasRows = true;
    transaction.announced += row.length;
    const part = this.#part;
    if (part?.relid === relid && part.op === op && part.rows.length + row.length < MAX_PAYLOAD_CHARACTERS) {
      part.rows += `,${row}`;
    } else {
      this.#flush(false);
      this.#part = { relid, op, rows: row };
    }
  }

  #announceWhole(relid: number): void {
    this.#flush(false);
    this.#current.hasRows = true;
    this.#send(relid, 'TRUNCATE', true, '');
  }

  #flush(isLast: boolean): void {
    const part = this.#part;
    this.#part = undefined;
    if (part) this.#send(part.relid, part.op, isLast, part.rows);
  }

  #send(relid: number, op: Op | 'TRUNCATE', isLast: boolean, rows: string): void {
    const { xid, atMs } = this.#current;
    const { head } = this.#table(relid);
    this.#options.onPayload(`${head},"xid":"${xid}","at":${atMs},"op":"${op}","isLast":${isLast},"rows":[${rows}]}`);
  }

  get #current(): Transaction {
    if (!this.#transaction) throw new RangeError('The replication stream holds a change outside of a transaction.');
    return this.#transaction;
  }

  #table(relid: number): Table {
    const table = this.#tables.get(relid);
    if (!table) throw new RangeError('The replication stream holds a change of a table that it did not describe.');
    return table;
  }
}

function describe(relation: Relation): Table {
  const { table, schema, relid } = relation;
  const head = `{"table":${JSON.stringify(table)},"schema":${JSON.stringify(schema)},"relid":${relid}`;
  return { head, json: new RowJson(relation) };
}

/** `null`: the stream does not tell which row in which state. */
function rowOf(json: RowJson, op: Op, old: Tuple | null, now: Tuple | null): string | null {
  const known = now ?? old;
  const identity = known && json.identity(known);
  if (identity === null) return null;
  const before = op === 'INSERT' ? 'null' : old && (now ? json.differing(old, now) : json.whole(old));
  const after = now === null ? 'null' : json.whole(now);
  const row = `{${identity}${before === null ? '' : `,"old":${before}`}${after === null ? '' : `,"new":${after}`}}`;
  return row.length > MAX_ROW_CHARACTERS ? `{${identity}}` : row;
}
