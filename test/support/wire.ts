import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A connection that sends raw bytes and receives responses one after the other. */
export class Wire {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  #received = Buffer.alloc(0);

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
    });
  }

  /** Sends the chunks so that the server reads them one by one. */
  async send(...pieces: readonly (string | Buffer)[]): Promise<void> {
    for (const piece of pieces) {
      this.socket.write(piece);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** @param isHead whether the response is one to HEAD, which has no body */
  async next(isHead = false): Promise<WireAnswer> {
    for (;;) {
      const answer = this.#take(isHead);
      if (answer) return answer;
      if (this.socket.destroyed) throw new Error(`The connection was closed after ${this.#received}`);
      await Promise.race([once(this.socket, 'data'), this.ended]);
    }
  }

  #take(isHead: boolean): WireAnswer | null {
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd === -1) return null;
    const [statusLine, ...lines] = this.#received.toString('latin1', 0, headEnd).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    );
    const end = headEnd + 4 + (isHead ? 0 : Number(headers['content-length'] ?? 0));
    if (this.#received.length < end) return null;
    const body = this.#received.toString('utf8', headEnd + 4, end);
    this.#received = this.#received.subarray(end);
    return { status: Number(statusLine!.split(' ')[1]), headers, body };
  }
}

/** Sends one request on a connection of its own, and returns the response. */
export async function exchange(url: string, ...pieces: readonly (string | Buffer)[]): Promise<WireAnswer> {
  const wire = await Wire.open(Number(new URL(url).port));
  await wire.send(...pieces);
  const answer = await wire.next(String(pieces[0]).startsWith('HEAD '));
  wire.socket.destroy();
  return answer;
}
