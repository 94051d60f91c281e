import { EventEmitter } from 'node:events';
import type { ClientConfig, Connection } from 'pg';
import { writeArray } from '../array-text.ts';
import { DatabaseClient } from '../connection/database-client.ts';
import { formatOf, type ResultColumn, type RowFormat, type ValueKind } from './column-types.ts';
import { MessageRow, type RowReader } from './row-reader.ts';
import { TextRow } from './text-row.ts';

export interface RowStatement<Row> {
  /** Identifies the text: the same name always comes with the same text. Empty: the statement is not kept. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** The kind of value of each column. */
  readonly kinds: readonly ValueKind[];
  /** Converts a row. It must not keep the reader. */
  readonly read: (row: RowReader) => Row;
}

type Callback<Row> = (error: Error | null, rows: Row[]) => void;

/** A client that can also decode rows directly from the bytes that PostgreSQL sends. */
export class RowClient extends DatabaseClient {
  #reading: Pick<RowQuery<unknown>, 'row'> | null = null;
  /** The row format of each statement prepared on this connection, by name. */
  readonly #formats = new Map<string, RowFormat>();

  constructor(config?: ClientConfig) {
    super(config);
    const connection = (this as unknown as { readonly connection: Attaching }).connection;
    interceptRows(connection, () => this.#reading);
  }

  /**
   * Runs one prepared statement; the client must be idle. The column types are checked when the statement is prepared. The
   * first run assumes the usual types, which saves a round trip.
   */
  readRows<Row>(statement: RowStatement<Row>, callback: Callback<Row>): void {
    this.#read(statement, callback, ATTEMPTS);
  }

  #read<Row>(statement: RowStatement<Row>, callback: Callback<Row>, attempts: number): void {
    const query = new RowQuery(statement, this.#formats, (error, rows) => {
      this.#reading = null;
      const again = attempts > 1 && this.#isWorthAnotherAttempt(error, query);
      if (again) this.#read(statement, callback, attempts - 1);
      else callback(error, rows);
    });
    this.#reading = query;
    this.query(query);
  }

  #isWorthAnotherAttempt(
    error: Error | null,
    { name, isInOtherFormat }: Pick<RowQuery<unknown>, 'name' | 'isInOtherFormat'>,
  ): boolean {
    if (!error) return isInOtherFormat;
    // Column types have changed since the statement was prepared. Forgetting its format makes the next run prepare it again.
    const isOutdated = (error as { readonly code?: string }).code === FEATURE_NOT_SUPPORTED;
    return isOutdated && this.#formats.delete(name);
  }
}

/** With the types known so far, again with the changed types, and once more in the format that those need. */
const ATTEMPTS = 3;
/** SQLSTATE of "cached plan must not change result type". */
const FEATURE_NOT_SUPPORTED = '0A000';

/** A method of pg's `Connection` that its types lack: it parses a stream and emits messages. */
interface Attaching {
  attachListeners(stream: Pick<EventEmitter, 'on'>): void;
}

/** Passes DataRow messages to the current row query, if there is one, and everything else to pg. */
function interceptRows(connection: Attaching, findReading: () => Pick<RowQuery<unknown>, 'row'> | null): void {
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const others = new EventEmitter();
    attach(others);
    let rest: Buffer | null = null;
    stream.on('data', (chunk: Buffer) => {
      const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
      let at = 0;
      // The start of the bytes that have not been passed on yet.
      let given = 0;
      while (at + HEADER_BYTES <= bytes.length) {
        const next = at + 1 + bytes.readInt32BE(at + 1);
        if (next > bytes.length) break;
        if (bytes[at] === DATA_ROW && findReading()) {
          // Earlier messages go first, because a RowDescription among them says how to read the row.
          if (given < at) others.emit('data', bytes.subarray(given, at));
          findReading()?.row(bytes, at + HEADER_BYTES, next);
          given = next;
        }
        at = next;
      }
      if (given < at) others.emit('data', bytes.subarray(given, at));
      rest = at < bytes.length ? bytes.subarray(at) : null;
    });
    stream.on('end', () => others.emit('end'));
  };
}

/** One byte for the type and four for the length, which excludes the type byte (PostgreSQL, "Message Formats"). */
const HEADER_BYTES = 5;
const DATA_ROW = 'D'.charCodeAt(0);

/** One run of a prepared statement, in the form that pg's client queues and sends messages to. */
class RowQuery<Row> {
  readonly name: string;
  readonly text: string;
  readonly callback: Callback<Row>;
  readonly #statement: RowStatement<Row>;
  readonly #formats: Map<string, RowFormat>;
  readonly #format: RowFormat;
  readonly #reader: MessageRow | TextRow;
  readonly #rows: Row[] = [];
  /** Whether the rows came in another format than expected and were therefore skipped. */
  isInOtherFormat = false;
  #failure: Error | null = null;

  constructor(statement: RowStatement<Row>, formats: Map<string, RowFormat>, callback: Callback<Row>) {
    this.name = statement.name;
    this.text = statement.text;
    this.callback = callback;
    this.#statement = statement;
    this.#formats = formats;
    this.#format = formats.get(this.name) ?? 'binary';
    this.#reader = this.#format === 'binary' ? ROW : TEXT_ROW;
  }

  submit(connection: Connection): void {
    const { name, text } = this;
    const { parsedStatements, stream } = connection as Preparing;
    stream.cork();
    if (name === '' || !this.#formats.has(name)) {
      if (parsedStatements[name]) (connection as Preparing).close({ type: 'S', name });
      connection.parse({ name, text, types: [] }, true);
      connection.describe({ type: 'S', name }, true);
    }
    const values = this.#statement.values.map(toParameter);
    const bind = { portal: '', statement: name, values, binary: this.#format === 'binary' };
    connection.bind(bind as unknown as Parameters<Connection['bind']>[0], true);
    connection.execute({ portal: '' }, true);
    connection.sync();
    stream.uncork();
  }

  /** Called before the first row, if this run prepared the statement. */
  handleRowDescription({ fields }: { readonly fields: readonly ResultColumn[] }): void {
    try {
      const format = formatOf(this.#statement.kinds, fields);
      this.#formats.set(this.name, format);
      this.isInOtherFormat = format !== this.#format;
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  row(bytes: Buffer, start: number, end: number): void {
    if (this.#failure || this.isInOtherFormat) return;
    try {
      this.#reader.begin(bytes, start, end);
      this.#rows.push(this.#statement.read(this.#reader));
    } catch (error) {
      this.#failure = error as Error;
    } finally {
      ROW.end();
    }
  }

  handleError(error: Error): void {
    this.callback(error, []);
  }

  handleReadyForQuery(): void {
    this.callback(this.#failure, this.#rows);
  }

  /** Ignored: the rows have been counted already. */
  handleCommandComplete(): void {}
}

/** The statements that pg has prepared on a connection, by name. */
type Preparing = Connection & {
  readonly parsedStatements: Readonly<Record<string, string>>;
  close(message: { readonly type: 'S'; readonly name: string }): void;
};

/** Shared by all clients, because each row is finished before any client begins the next. */
const ROW = new MessageRow();
const TEXT_ROW = new TextRow();

/** A value as text, which PostgreSQL parses as the type that the statement declares. */
function toParameter(value: unknown): string | null {
  if (value === null) return null;
  return Array.isArray(value) ? writeArray(value) : String(value);
}
