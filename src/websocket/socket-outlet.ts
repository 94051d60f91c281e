import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Outlet } from './send-queue.ts';

/**
 * A WebSocket as a queue sees it. Texts go to its connection as frames, past the sender of ws. The frames that ws sends
 * itself, such as pings and closes, keep their place between them, because each side writes a frame as a whole.
 */
export class SocketOutlet implements Outlet {
  readonly connection: Duplex;
  readonly #socket: WebSocket;

  /** @param connection the one under the socket, which must not compress messages */
  constructor(socket: WebSocket, connection: Duplex) {
    this.#socket = socket;
    this.connection = connection;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  get hasRoom(): boolean {
    return !this.connection.writableNeedDrain;
  }

  /** @param frame as `text-frames.ts` makes it */
  send(frame: string, onSent?: () => void): void {
    this.connection.write(frame, 'latin1', onSent);
  }

  onRoom(listener: () => void): void {
    this.connection.on('drain', listener);
  }

  onClose(listener: () => void): void {
    this.#socket.on('close', listener);
  }

  get isPaused(): boolean {
    return this.#socket.isPaused;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
