import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/*
 * The part of HTTP/1.1 that a load generator needs: one request at a time on a persistent connection, written from
 * prepared bytes. The generator runs on the measured machine, so each request must cost it as little as possible.
 */

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
const READ_BUFFER_BYTES = 256 * 1024;

/** Called with each response; `body` is valid only until the callback returns. */
export type OnAnswer = (status: number, body: Buffer, head: string) => void;

export class Connection {
  onAnswer: OnAnswer = () => {};
  /** Called when the connection fails or the server closes it. */
  onFailure: (error: Error) => void;
  readonly #socket: Socket;
  /** The received part of an incomplete response. */
  #pending: Buffer | null = null;

  static async open(url: string, onFailure: (error: Error) => void): Promise<Connection> {
    const { hostname, port } = new URL(url);
    let connection: Connection | undefined;
    const socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback(bytes, buffer) {
          connection!.#receive((buffer as Buffer).subarray(0, bytes));
          return true;
        },
      },
    });
    await once(socket, 'connect');
    connection = new Connection(socket, onFailure);
    return connection;
  }

  private constructor(socket: Socket, onFailure: (error: Error) => void) {
    this.#socket = socket;
    this.onFailure = onFailure;
    socket.on('error', (error) => this.onFailure(error));
    socket.on('close', () => this.onFailure(new Error('The server closed a connection.')));
  }

  send(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.removeAllListeners('error').on('error', () => {});
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    const data = this.#pending ? Buffer.concat([this.#pending, bytes]) : bytes;
    const headEnd = data.indexOf(HEAD_END);
    const head = headEnd === -1 ? '' : data.toString('latin1', 0, headEnd);
    const body = headEnd === -1 ? null : bodyOf(data, head);
    if (body === null) {
      // Copied, because the next read overwrites the buffer.
      this.#pending = this.#pending ? data : Buffer.from(data);
      return;
    }
    this.#pending = null;
    // HTTP/1.1 200
    this.onAnswer(Number(head.slice(9, 12)), body, head);
  }
}

/** The body of a response; `null` while the response is incomplete. */
function bodyOf(data: Buffer, head: string): Buffer | null {
  const start = head.length + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return data.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) ? unchunk(data, start) : null;
  const end = start + Number(length);
  return data.length < end ? null : data.subarray(start, end);
}

function unchunk(data: Buffer, start: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = data.indexOf('\r\n', at);
    const size = Number.parseInt(data.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(data.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

/**
 * The bytes of a POST to `/graphql`.
 * @param authorization the header's whole value; default: no such header
 * @param headers further headers, by their names
 */
export function post(
  url: string,
  body: string,
  authorization?: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const head = [
    'POST /graphql HTTP/1.1',
    `host: ${new URL(url).host}`,
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(authorization === undefined ? [] : [`authorization: ${authorization}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}
