import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** Standard output or standard error, which may be lost or stand still without holding anything up. */
export interface Output {
  /** Writes as soon as whoever reads allows; never throws, never waits. Whole lines are dropped when too much waits. */
  write(text: string): void;
  /** Resolves when nothing waits any more, or nobody has read for a while. */
  flush(): Promise<void>;
  /** Told how many texts were dropped, once what waits is written. */
  onDropped: (count: number) => void;
}

/** How one piece is written; `done` is called in any case, with the reason when it failed. */
type Send = (piece: string, done: (error?: Error | null) => void) => void;

/** Characters that may wait for a reader: more than a minute of an ordinary log. */
const MAX_WAITING = 1024 * 1024;
/** Pieces of this size are written whole or not at all (PIPE_BUF), so lines of several processes do not mix. */
const PIECE = 4096;
const FLUSH_MS = 500;

export class BufferedOutput implements Output {
  onDropped: (count: number) => void = () => {};
  readonly #send: Send;
  readonly #pieces: string[] = [];
  readonly #idle: (() => void)[] = [];
  #waiting = 0;
  #dropped = 0;
  #isScheduled = false;
  #isSending = false;

  constructor(send: Send) {
    this.#send = send;
  }

  write(text: string): void {
    if (this.#waiting + text.length > MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting += text.length;
    const last = this.#pieces.length - 1;
    if (last >= 0 && this.#pieces[last]!.length + text.length <= PIECE) this.#pieces[last] += text;
    else this.#pieces.push(text);
    if (this.#isScheduled || this.#isSending) return;
    this.#isScheduled = true;
    // What a turn of the event loop writes leaves in few pieces.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#sendNext();
    });
  }

  flush(): Promise<void> {
    this.#sendNext();
    if (!this.#isSending) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, FLUSH_MS);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Writes what it can at once: for a process that ends. */
  writeLast(write: (text: string) => void): void {
    if (!this.#isSending) write(this.#pieces.splice(0).join(''));
  }

  #sendNext(): void {
    if (this.#isSending) return;
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      this.#settle();
      return;
    }
    this.#isSending = true;
    this.#send(piece, () => {
      this.#isSending = false;
      this.#waiting -= piece.length;
      this.#sendNext();
    });
  }

  #settle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.onDropped(dropped);
  }
}

let standard: Output | undefined;
let errors: Output | undefined;

export function standardOutput(): Output {
  standard ??= openOutput(process.stdout, 1);
  return standard;
}

export function standardError(): Output {
  errors ??= openOutput(process.stderr, 2);
  return errors;
}

function openOutput(stream: NodeJS.WriteStream, fd: 1 | 2): Output {
  const output = new BufferedOutput(stream instanceof Socket ? createSocketSend(stream) : createFileSend(fd));
  process.on('exit', () => output.writeLast((text) => writeOrDrop(fd, text)));
  return output;
}

/**
 * Pipes, sockets and terminals. Node writes to terminals in a blocking way, which ends everything while one is stopped
 * (Ctrl-S), or while whoever runs the container does not read it.
 */
function createSocketSend(stream: Socket): Send {
  (stream as unknown as { _handle?: { setBlocking?(blocks: boolean): void } })._handle?.setBlocking?.(false);
  // The reader is gone, or the terminal. The callbacks of the writes are told as well.
  stream.on('error', () => {});
  return (piece, done) => {
    if (stream.writable) stream.write(piece, done);
    else process.nextTick(done);
  };
}

/** Files. A disk that is full may have room again for the next line. */
function createFileSend(fd: number): Send {
  return (piece, done) => {
    writeOrDrop(fd, piece);
    done();
  };
}

function writeOrDrop(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } catch {
    // It cannot be written, and there is nowhere to say so.
  }
}
