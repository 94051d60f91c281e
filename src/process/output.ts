import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** Standard output or standard error. A lost or stalled reader does not block the process. */
export interface Output {
  /** Queues a text until the reader accepts it. Never throws or blocks; a text that the queue has no space for is dropped. */
  write(text: string): void;
  /** Resolves when the queue is empty, or after 0.5 s. */
  flush(): Promise<void>;
  /** Called with the number of dropped texts, once the queue is empty. */
  onDropped: (count: number) => void;
}

/** Writes one piece. `done` is always called, with the error if writing failed. */
type Send = (piece: string, done: (error?: Error | null) => void) => void;

/** The size of the queue in characters: more than a minute of an ordinary log. */
const MAX_WAITING = 1024 * 1024;
/** Writes of up to PIPE_BUF bytes are atomic, so that lines of several processes do not mix. */
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
    // Collects what one turn of the event loop writes into few pieces.
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

  /** Writes the queue synchronously, when the process exits. */
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

/** Exits once both queues are written, or their readers accept no more. */
export async function exitAfterOutput(code: number): Promise<never> {
  await Promise.all([standardOutput().flush(), standardError().flush()]);
  process.exit(code);
}

function openOutput(stream: NodeJS.WriteStream, fd: 1 | 2): Output {
  const output = new BufferedOutput(stream instanceof Socket ? createSocketSend(stream) : createFileSend(fd));
  process.on('exit', () => output.writeLast((text) => writeOrDrop(fd, text)));
  return output;
}

/**
 * For pipes, sockets and terminals. Node's writes to terminals block, which would halt the process while a terminal is stopped
 * (Ctrl-S) or the container's runtime does not read its output.
 */
function createSocketSend(stream: Socket): Send {
  (stream as unknown as { _handle?: { setBlocking?(blocks: boolean): void } })._handle?.setBlocking?.(false);
  // The reader or the terminal is gone. The callbacks of the writes get the error as well.
  stream.on('error', () => {});
  return (piece, done) => {
    if (stream.writable) stream.write(piece, done);
    else process.nextTick(done);
  };
}

/** For files. A full disk may have space again for the next line, so errors are ignored. */
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
    // There is nowhere left to report that the output failed.
  }
}
