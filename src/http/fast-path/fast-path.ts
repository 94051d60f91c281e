import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { DirectQuery } from '../../operations/direct-execution.ts';
import type { Requester } from '../../operations/rate-limit.ts';
import type { Answer, ReadyAnswers, Recognized } from '../../operations/ready-answers.ts';
import { MAX_KEY_LENGTH } from '../../operations/response-cache.ts';
import { answerClientError } from '../client-errors.ts';
import { HttpStream } from './http-stream.ts';
import { type RequestHead, RequestHeadParser } from './request-head-parser.ts';

export interface FastPathParts {
  readonly path: string;
  readonly answers: ReadyAnswers;
  /** Requests that have been counted against a rate limit and executed, and are passed on after all. */
  readonly counted: WeakSet<object>;
  /** Whether the lane is open: it does not log requests, nor whom it sends away when the server drains. */
  readonly isOpen: () => boolean;
  /** The headers for a page of that origin, or for no page; `undefined` for an origin that is not allowed. */
  readonly headersFor: (origin: string | undefined) => readonly string[] | undefined;
  /** How long a connection may stay silent before its first request, and after an answer. */
  readonly firstRequestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

export interface FastPath {
  /** Lets go of connections on which nothing is under way. */
  closeIdle(): void;
}

/**
 * Stands before the server's HTTP parser and answers what can be answered without it: a plain `POST`, there as a whole,
 * that `ReadyAnswers` has an answer to. Everything else goes to the parser as if nobody had looked: a plain request through
 * a stream in the connection's place, so that the lane has the connection again once it is answered; anything else, which
 * the lane could not find the end of, with the whole connection, for good.
 *
 * Of what a kept answer costs a server that is made of Node's parser, requests and responses, they are the larger half.
 */
export function openFastPath(server: Server, parts: FastPathParts): FastPath {
  const [parse] = server.listeners('connection') as ((connection: Socket | HttpStream) => void)[];
  const heads = new RequestHeadParser(parts.path);
  const headerLines = createHeaderLines(parts);
  const connections = new Set<LaneConnection>();
  const lane: Lane = {
    ...parts,
    heads,
    headerLines,
    keptAlive: `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(parts.keepAliveTimeoutMs / 1000)}\r\n`,
    parse: parse!.bind(server),
    connections,
    passedOn: new WeakMap(),
  };
  server.off('connection', parse!);
  server.on('connection', (socket: Socket) => {
    new LaneConnection(socket, lane);
  });
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    lane.passedOn.get(request.socket)?.isParsed(request, response);
  });
  return {
    closeIdle() {
      for (const connection of connections) connection.closeIfIdle();
    },
  };
}

interface Lane extends FastPathParts {
  readonly heads: RequestHeadParser;
  readonly headerLines: (origin: string | undefined) => string | undefined;
  /** What tells a client that it may go on asking. */
  readonly keptAlive: string;
  readonly parse: (connection: Socket | HttpStream) => void;
  readonly connections: Set<LaneConnection>;
  readonly passedOn: WeakMap<object, LaneConnection>;
}

/** A request as it came over the wire, and its parts. */
interface PlainRequest {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly body: Buffer;
  readonly text: string;
}

/** How long the rest of a request may take that came in two pieces, as some clients send head and body. */
const REST_TIMEOUT_MS = 100;

class LaneConnection {
  readonly #socket: Socket;
  readonly #lane: Lane;
  /**
   * `waiting` for a request; `answering` one here; `behind`: it is the parser's; `left` to the parser with all that comes.
   */
  #state: 'waiting' | 'answering' | 'behind' | 'left' = 'waiting';
  /** The first piece of a request whose rest is to come. */
  #firstPiece: Buffer | null = null;
  /** What was asked last, which many a client goes on asking. */
  #last: PlainRequest | null = null;
  #stream: HttpStream | null = null;
  /** Whether the request that is passed on has been counted against its sender's rate limit. */
  #isCounted = false;

  constructor(socket: Socket, lane: Lane) {
    this.#socket = socket;
    this.#lane = lane;
    lane.connections.add(this);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError);
    socket.on('close', this.#onClose).on('timeout', this.#onTimeout);
    socket.setTimeout(lane.firstRequestTimeoutMs);
  }

  /** As Node has it, a connection on which nothing was asked yet is not idle: its first request may be on the way. */
  closeIfIdle(): void {
    if (this.#state !== 'waiting' || this.#firstPiece) return;
    if (this.#socket.bytesRead === 0) this.#leave(NOTHING);
    else this.#socket.destroy();
  }

  /** Told of the request that was passed on: once it is answered, the connection is the lane's again. */
  isParsed(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isCounted) this.#lane.counted.add(request);
    this.#isCounted = false;
    response.once('close', () => {
      if (this.#state === 'behind' && this.#lane.isOpen()) this.#state = 'waiting';
      else this.#state = 'left';
    });
  }

  readonly #onData = (chunk: Buffer) => {
    if (this.#state !== 'waiting') return this.#passUnread(chunk);
    const { heads, isOpen } = this.#lane;
    if (this.#last?.bytes.equals(chunk) && !this.#firstPiece && isOpen()) return this.#answer(this.#last);
    const bytes = this.#firstPiece ? Buffer.concat([this.#firstPiece, chunk]) : chunk;
    const headLength = isOpen() ? heads.lengthIn(bytes) : 0;
    const head = headLength === 0 ? null : heads.read(bytes, headLength);
    if (!head || head.contentLength > MAX_KEY_LENGTH) return this.#leave(bytes);
    const missing = headLength + head.contentLength - bytes.length;
    if (missing === 0) {
      if (this.#firstPiece) this.#socket.setTimeout(this.#lane.keepAliveTimeoutMs);
      this.#firstPiece = null;
      const body = bytes.subarray(headLength);
      const request = { bytes, head, body, text: body.toString() };
      this.#last = bytes.length <= SHORT_BYTES ? request : null;
      this.#answer(request);
    } else if (missing > 0 && !this.#firstPiece) {
      this.#firstPiece = bytes;
      this.#socket.setTimeout(REST_TIMEOUT_MS);
    } else {
      this.#leave(bytes);
    }
  };

  #answer({ bytes, head: { headers }, body, text }: PlainRequest): void {
    const { answers, headerLines } = this.#lane;
    const lines = headers['x-cache-debug'] === undefined ? headerLines(headers.origin) : undefined;
    const requester: Requester = { headers, socket: this.#socket };
    const asked = lines === undefined ? null : answers.recognize(requester, body, text);
    const kept = asked && answers.findKept(asked);
    const query = asked && !kept ? answers.findQuery(asked) : null;
    if (kept) this.#send(kept, lines!, asked);
    else if (query) this.#execute(query, asked!, lines!, bytes);
    else this.#passOn(bytes, false);
  }

  #execute(query: DirectQuery, asked: Recognized, lines: string, bytes: Buffer): void {
    this.#state = 'answering';
    this.#socket.pause();
    const passOn = () => this.#passOn(bytes, true);
    this.#lane.answers.execute(query, asked).then((made) => (made ? this.#send(made, lines, asked) : passOn()), passOn);
  }

  #send({ body, contentType }: Answer, lines: string, { requestId }: Recognized): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const isLast = !this.#lane.isOpen();
    const head =
      `HTTP/1.1 200 OK\r\n${lines}x-request-id: ${requestId}\r\ncontent-type: ${contentType}\r\n` +
      `content-length: ${body.length}\r\ndate: ${httpDate()}\r\n${isLast ? CLOSED : this.#lane.keptAlive}\r\n`;
    let isFlowing: boolean;
    if (body.length <= SHORT_BYTES) {
      isFlowing = socket.write(head + body.toString('latin1'), 'latin1');
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      isFlowing = socket.write(body);
      socket.uncork();
    }
    if (isLast) {
      this.#state = 'left';
      socket.end(() => socket.destroySoon());
      return;
    }
    this.#state = 'waiting';
    if (socket.timeout !== this.#lane.keepAliveTimeoutMs) socket.setTimeout(this.#lane.keepAliveTimeoutMs);
    // Who does not read is not read from.
    if (isFlowing) socket.resume();
    else socket.pause().once('drain', () => socket.resume());
  }

  /** Has the parser answer one whole request. */
  #passOn(bytes: Buffer, isCounted: boolean): void {
    if (this.#socket.destroyed) return;
    this.#state = 'behind';
    this.#isCounted = isCounted;
    // What takes too long now is for the parser to say.
    this.#socket.setTimeout(0);
    this.#stream ??= this.#openStream();
    this.#stream.push(bytes);
    this.#socket.resume();
  }

  /** Where requests end that come on top of an unanswered one, only the parser can tell: it has the connection for good. */
  #passUnread(chunk: Buffer): void {
    this.#state = 'left';
    this.#socket.setTimeout(0);
    if (!this.#stream?.push(chunk)) this.#socket.pause();
  }

  /** Gives the connection to the parser for good, with what was read of it. */
  #leave(bytes: Buffer): void {
    this.#firstPiece = null;
    if (this.#stream) {
      this.#passUnread(bytes);
      return;
    }
    const socket = this.#socket;
    this.#state = 'left';
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError);
    socket.off('close', this.#onClose).off('timeout', this.#onTimeout);
    this.#lane.connections.delete(this);
    socket.setTimeout(0);
    socket.pause();
    if (bytes.length > 0) socket.unshift(bytes);
    this.#lane.parse(socket);
    socket.resume();
  }

  #openStream(): HttpStream {
    const stream = new HttpStream(this.#socket);
    this.#lane.passedOn.set(stream, this);
    this.#lane.parse(stream);
    return stream;
  }

  readonly #onEnd = () => {
    const piece = this.#firstPiece;
    this.#firstPiece = null;
    if (piece) this.#passOn(piece, false);
    if (this.#stream) this.#stream.push(null);
    else this.#socket.end();
  };

  readonly #onError = (error: Error) => {
    if (this.#stream) this.#stream.destroy(error);
    else this.#socket.destroy();
  };

  readonly #onClose = () => {
    this.#lane.connections.delete(this);
    this.#stream?.destroy();
  };

  readonly #onTimeout = () => {
    if (this.#firstPiece) return this.#leave(this.#firstPiece);
    if (this.#state !== 'waiting') return void this.#stream?.emit('timeout');
    if (this.#socket.bytesRead === 0) answerClientError(REQUEST_TIMEOUT, this.#socket);
    else this.#socket.destroy();
  };
}

const NOTHING = Buffer.alloc(0);
const CLOSED = 'connection: close\r\n';
const REQUEST_TIMEOUT = Object.assign(new Error('No request came.'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });

/**
 * Copying more than this costs as much as it saves to send head and body in one piece; and each connection may hold one
 * request that is not longer.
 */
const SHORT_BYTES = 4096;

/** What is the same in every answer to an origin, as it goes over the wire. */
function createHeaderLines({ headersFor }: FastPathParts): (origin: string | undefined) => string | undefined {
  const known = new Map<string | undefined, string>();
  return (origin) => {
    const lines = known.get(origin);
    if (lines !== undefined) return lines;
    const headers = headersFor(origin);
    if (!headers) return undefined;
    let written = '';
    for (let index = 0; index < headers.length; index += 2) written += `${headers[index]}: ${headers[index + 1]}\r\n`;
    known.set(origin, written);
    return written;
  };
}

let dateText = '';
let dateSecond = 0;

/** The `Date` of an answer (RFC 9110, section 6.6.1), written once a second. */
function httpDate(): string {
  const nowMs = Date.now();
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(nowMs).toUTCString();
  }
  return dateText;
}
