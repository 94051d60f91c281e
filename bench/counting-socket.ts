import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/*
 * The part of RFC 6455 that a subscriber needs which counts its messages: reading one costs no object and no copy, so that
 * a thousand subscribers take less of the machine than the server that they measure.
 */

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const LONGEST_HEADER = 10;
/** Masked, as all frames of a client, with a mask of zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** All connections read into one buffer: its bytes are handled before the next read. */
const shared = Buffer.allocUnsafe(256 * 1024);

/** A WebSocket that counts the messages it receives. */
export class CountingSocket {
  messages = 0;
  /** What was received since it was set to `''`; `null`: messages are counted only. */
  sample: string | null = '';
  readonly #socket: Socket;
  readonly #onMessage: (socket: CountingSocket) => void;
  readonly #onFailure: (error: Error) => void;
  readonly #upgraded = Promise.withResolvers<void>();
  #isUpgraded = false;
  /** Bytes of the frame's payload that are still to come. */
  #missing = 0;
  readonly #header = Buffer.alloc(LONGEST_HEADER);
  #headerBytes = 0;

  private constructor(socket: Socket, onMessage: (socket: CountingSocket) => void, onFailure: (error: Error) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    this.#onFailure = (error) => {
      this.#upgraded.reject(error);
      onFailure(error);
    };
    socket.on('error', this.#onFailure);
    socket.on('close', () => this.#onFailure(new Error('The server closed a connection.')));
  }

  /** Resolves after the handshake. @param onMessage called for each text message */
  static async open(
    url: string,
    onMessage: (socket: CountingSocket) => void,
    onFailure: (error: Error) => void,
  ): Promise<CountingSocket> {
    const { host, hostname, port } = new URL(url);
    let counting: CountingSocket | undefined;
    const callback = (bytes: number) => {
      counting!.#read(bytes);
      return true;
    };
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer: shared, callback } });
    await once(socket, 'connect');
    counting = new CountingSocket(socket, onMessage, onFailure);
    const head = [
      'GET /graphql HTTP/1.1',
      `host: ${host}`,
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${Buffer.from(randomUUID().slice(0, 16)).toString('base64')}`,
      'sec-websocket-protocol: graphql-transport-ws',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await counting.#upgraded.promise;
    return counting;
  }

  send(message: object): void {
    const text = Buffer.from(JSON.stringify(message));
    const short = text.length < 126;
    const header = Buffer.alloc(short ? 6 : 8);
    header[0] = 0x81;
    header[1] = 0x80 | (short ? text.length : 126);
    if (!short) header.writeUInt16BE(text.length, 2);
    this.#socket.write(Buffer.concat([header, text]));
  }

  /** Leaves no port waiting, of which ten thousand connections after one another would run out. */
  close(): void {
    this.#socket
      .removeAllListeners('close')
      .removeAllListeners('error')
      .on('error', () => {});
    this.#socket.resetAndDestroy();
  }

  #read(bytes: number): void {
    let at = this.#isUpgraded ? 0 : this.#upgrade(bytes);
    while (at < bytes) {
      const skipped = Math.min(this.#missing, bytes - at);
      if (this.#missing > 0) {
        if (this.sample !== null) this.sample += shared.toString('latin1', at, at + skipped);
        this.#missing -= skipped;
        at += skipped;
        if (this.#missing === 0) this.#end();
        continue;
      }
      this.#header[this.#headerBytes++] = shared[at++]!;
      const length = this.#headerBytes < 2 ? null : this.#length();
      if (length === null) continue;
      this.#headerBytes = 0;
      this.#missing = length;
      if (length === 0) this.#end();
    }
  }

  /** @returns where the first frame begins */
  #upgrade(bytes: number): number {
    const end = shared.subarray(0, bytes).indexOf('\r\n\r\n');
    this.#isUpgraded = end !== -1 && shared.toString('latin1', 0, 12).endsWith(' 101');
    if (this.#isUpgraded) {
      this.#upgraded.resolve();
      return end + 4;
    }
    this.#onFailure(new Error(`No upgrade: ${shared.toString('latin1', 0, Math.min(bytes, 200))}`));
    return bytes;
  }

  /** `null` while the header is incomplete. */
  #length(): number | null {
    const length = this.#header[1]!;
    if (length < 126) return length;
    if (length === 126) return this.#headerBytes < 4 ? null : this.#header.readUInt16BE(2);
    return this.#headerBytes < 10 ? null : this.#header.readUInt32BE(6);
  }

  #end(): void {
    const opcode = this.#header[0]! & 0x0f;
    if (opcode === TEXT) {
      this.messages += 1;
      this.#onMessage(this);
    } else if (opcode === PING) {
      this.#socket.write(PONG);
    } else if (opcode === CLOSE) {
      this.#onFailure(new Error('The server closed a WebSocket.'));
    }
  }
}
