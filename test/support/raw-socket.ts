import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';

export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket that sends exactly what a test tells it to, and queues the messages it receives. */
export class RawSocket {
  readonly socket: WebSocket;
  /** Messages that were received and not read yet. */
  readonly heard: Record<string, any>[] = [];
  readonly closed: Promise<Close>;
  #wake: (() => void) | undefined;

  private constructor(url: string, protocols: string[], options: ClientOptions) {
    this.socket = new WebSocket(url, protocols, options);
    this.socket.on('message', (data) => {
      this.heard.push(JSON.parse(String(data)));
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        // A test that waits for another message gets an error instead of waiting forever.
        this.#wake?.();
      });
    });
    this.socket.on('error', () => {});
  }

  /** Resolves once the socket is open. `url` is the server's HTTP URL. */
  static async open(
    url: string,
    protocols = ['graphql-transport-ws'],
    options: ClientOptions = {},
  ): Promise<RawSocket> {
    const raw = new RawSocket(`${url.replace('http', 'ws')}/graphql`, protocols, options);
    await once(raw.socket, 'open');
    return raw;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async next(): Promise<Record<string, any>> {
    while (this.heard.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('The socket is closed.');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.heard.shift()!;
  }

  /** Sends `connection_init` and returns the server's answer. */
  async initialize(payload: object = {}): Promise<Record<string, any>> {
    this.send({ type: 'connection_init', payload });
    return this.next();
  }

  subscribe(id: string, query: string, variables?: object): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }
}
