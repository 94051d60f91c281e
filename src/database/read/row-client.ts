import { EventEmitter } from 'node:events';
import type { ClientConfig, Connection } from 'pg';
import { DatabaseClient } from '../connection/database-client.ts';
import { MessageRow, type RowReader } from './row-reader.ts';

export interface RowStatement<Row> {
  /** Identifies the text: the same name always comes with the same text. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** Makes what is wanted of a row, which it may not keep. */
  readonly read: (row: RowReader) => Row;
}

type Callback<Row> = (error: Error | null, rows: Row[]) => void;

/** A client that can also read rows straight from the bytes that PostgreSQL sends. */
export class RowClient extends DatabaseClient {
  #reading: Pick<RowQuery<unknown>, 'row'> | null = null;

  constructor(config?: ClientConfig) {
    super(config);
    const connection = (this as unknown as { readonly connection: Attaching }).connection;
    interceptRows(connection, (bytes, start, end) => {
      this.#reading?.row(bytes, start, end);
      return this.#reading !== null;
    });
  }

  /** Runs one prepared statement; the client has to be idle. */
  readRows<Row>(statement: RowStatement<Row>, callback: Callback<Row>): void {
    const query = new RowQuery(statement, (error, rows) => {
      this.#reading = null;
      callback(error, rows);
    });
    this.#reading = query;
    this.query(query);
  }
}

/** As pg's `Connection` is beneath its types: it is given a stream, and gives its messages. */
interface Attaching {
  attachListeners(stream: Pick<EventEmitter, 'on'>): void;
}

/** Shows the DataRow messages to `onRow`, which returns whether it took them; everything else goes on to pg. */
function interceptRows(connection: Attaching, onRow: (bytes: Buffer, start: number, end: number) => boolean): void {
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const others = new EventEmitter();
    attach(others);
    let rest: Buffer | null = null;
    stream.on('data', (chunk: Buffer) => {
      const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
      let at = 0;
      // Where the messages begin that nobody was given yet.
      let given = 0;
      while (at + HEADER_BYTES <= bytes.length) {
        const next = at + 1 + bytes.readInt32BE(at + 1);
        if (next > bytes.length) break;
        if (bytes[at] === DATA_ROW && onRow(bytes, at + HEADER_BYTES, next)) {
          if (given < at) others.emit('data', bytes.subarray(given, at));
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

/** A byte for its type, and its length, in which the type does not count (PostgreSQL, "Message Formats"). */
const HEADER_BYTES = 5;
const DATA_ROW = 'D'.charCodeAt(0);

/** One run of a prepared statement, as pg's client queues it and tells it of the messages that come. */
class RowQuery<Row> {
  readonly name: string;
  readonly text: string;
  readonly callback: Callback<Row>;
  readonly #values: readonly unknown[];
  readonly #read: (row: RowReader) => Row;
  readonly #rows: Row[] = [];
  #failure: Error | null = null;

  constructor({ name, text, values, read }: RowStatement<Row>, callback: Callback<Row>) {
    this.name = name;
    this.text = text;
    this.callback = callback;
    this.#values = values;
    this.#read = read;
  }

  submit(connection: Connection): void {
    const { name, text } = this;
    const { parsedStatements, stream } = connection as Preparing;
    stream.cork();
    if (!parsedStatements[name]) connection.parse({ name, text, types: [] }, true);
    const bind = { portal: '', statement: name, values: this.#values.map(toParameter), binary: true };
    connection.bind(bind as unknown as Parameters<Connection['bind']>[0], true);
    connection.execute({ portal: '' }, true);
    connection.sync();
    stream.uncork();
  }

  row(bytes: Buffer, start: number, end: number): void {
    if (this.#failure) return;
    try {
      ROW.begin(bytes, start, end);
      this.#rows.push(this.#read(ROW));
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

  /** There is nothing to learn from it: the rows say how many they are. */
  handleCommandComplete(): void {}
}

/** What pg remembers of each connection: the statements that are prepared there, by their names. */
type Preparing = Connection & { readonly parsedStatements: Readonly<Record<string, string>> };

/** Of all clients, because each row is done with before the next one of any of them is begun. */
const ROW = new MessageRow();

/** A value as text, which PostgreSQL reads as whatever type the statement says. */
function toParameter(value: unknown): string | null {
  if (value === null) return null;
  if (!Array.isArray(value)) return String(value);
  const elements = value.map((element) =>
    element === null ? 'null' : `"${String(element).replace(/["\\]/g, '\\$&')}"`,
  );
  return `{${elements.join()}}`;
}
