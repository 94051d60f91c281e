import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { answerClientError } from '../client-errors.ts';
import { GRAPHQL_PATH, type GraphqlHandler, GraphqlHttpRequest, type GraphqlHttpSettings } from '../graphql-handler.ts';
import { type ResponseHeaders, requestIdOf } from '../headers.ts';
import { logHttpRequest } from '../http-log.ts';
import type { HttpResponse } from '../http-response.ts';
import { decodeBody } from '../json-bodies.ts';
import { type RequestHead, RequestHeadParser } from './request-head-parser.ts';

export interface FastPathParts {
  readonly handle: GraphqlHandler;
  readonly settings: GraphqlHttpSettings;
  readonly headers: ResponseHeaders;
  readonly logger: Logger;
  /** Whether connections are kept alive: they are not while the server drains. */
  readonly isOpen: () => boolean;
  /** How long a connection may stay silent before its first request, and after a response. */
  readonly firstRequestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

export interface FastPath {
  /** Closes connections on which nothing is under way. */
  closeIdle(): void;
  /** Closes all connections that Node's HTTP parser has not got. */
  closeAll(): void;
}

/**
 * Stands before the server's HTTP parser and serves plain requests: a `POST` of JSON to `/graphql`, complete and alone on
 * its connection. A connection on which anything else arrives goes to the parser, with what was read, for good.
 *
 * Node's HTTP parser and request/response objects are more than half the cost of serving a cached response. See
 * docs/decisions/01-http-fast-path.md.
 */
export function openFastPath(server: Server, parts: FastPathParts): FastPath {
  const [parse] = server.listeners('connection') as ((connection: Socket) => void)[];
  const connections = new Set<FastPathConnection>();
  const shared: Shared = {
    ...parts,
    heads: new RequestHeadParser(GRAPHQL_PATH),
    linesFor: createHeaderLines(parts.headers),
    keptAlive: `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(parts.keepAliveTimeoutMs / 1000)}\r\n`,
    parse: parse!.bind(server),
    connections,
  };
  server.off('connection', parse!);
  server.on('connection', (socket: Socket) => {
    new FastPathConnection(socket, shared);
  });
  return {
    closeIdle() {
      for (const connection of connections) connection.closeIfIdle();
    },
    closeAll() {
      for (const connection of connections) connection.close();
    },
  };
}

interface Shared extends FastPathParts {
  readonly heads: RequestHeadParser;
  readonly linesFor: (origin: string | undefined) => string;
  /** The header lines that let a client keep its connection. */
  readonly keptAlive: string;
  readonly parse: (connection: Socket) => void;
  readonly connections: Set<FastPathConnection>;
}

/** A request as it came over the wire, and its parts. */
interface PlainRequest {
  readonly bytes: Buffer;
  readonly head: RequestHead;
  readonly text: string;
}

/** How long the rest of a request may take that came in two pieces, as some clients send head and body. */
const REST_TIMEOUT_MS = 100;

class FastPathConnection {
  readonly #socket: Socket;
  readonly #shared: Shared;
  #isAnswering = false;
  /** The first piece of a request whose rest is missing. */
  #firstPiece: Buffer | null = null;
  /** The last request: many clients repeat it. */
  #last: PlainRequest | null = null;

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
    shared.connections.add(this);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError);
    socket.on('close', this.#onClose).on('timeout', this.#onTimeout);
    socket.setTimeout(shared.firstRequestTimeoutMs);
  }

  /** As in Node, a connection without a request yet is not idle: its first one may be on the way. */
  closeIfIdle(): void {
    if (this.#isAnswering || this.#firstPiece) return;
    if (this.#socket.bytesRead === 0) this.#leave(NOTHING);
    else this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  readonly #onData = (chunk: Buffer) => {
    const { heads, isOpen, keepAliveTimeoutMs } = this.#shared;
    if (this.#last?.bytes.equals(chunk) && !this.#firstPiece && isOpen()) return this.#answer(this.#last);
    const bytes = this.#firstPiece ? Buffer.concat([this.#firstPiece, chunk]) : chunk;
    const headLength = isOpen() ? heads.lengthIn(bytes) : 0;
    const head = headLength === 0 ? null : heads.read(bytes, headLength);
    if (!head) return this.#leave(bytes);
    const missing = headLength + head.contentLength - bytes.length;
    if (missing === 0) {
      if (this.#firstPiece) this.#socket.setTimeout(keepAliveTimeoutMs);
      this.#firstPiece = null;
      const text = decodeBody(bytes.subarray(headLength));
      if (text === null) return this.#leave(bytes);
      const request = { bytes, head, text };
      this.#last = bytes.length <= SHORT_BYTES ? request : null;
      this.#answer(request);
    } else if (missing > 0 && !this.#firstPiece) {
      this.#firstPiece = bytes;
      this.#socket.setTimeout(REST_TIMEOUT_MS);
    } else {
      this.#leave(bytes);
    }
  };

  #answer({ head: { headers }, text }: PlainRequest): void {
    const { handle, settings } = this.#shared;
    const startedAtMs = performance.now();
    const requestId = requestIdOf({ headers });
    const received = { requestId, method: 'POST', search: '', text, headers, socket: this.#socket };
    const request = new GraphqlHttpRequest(received, settings);
    const response = handle(request);
    if (!(response instanceof Promise)) {
      this.#send(response, request, startedAtMs);
      return;
    }
    this.#isAnswering = true;
    this.#socket.pause();
    void response.then((settled) => this.#send(settled, request, startedAtMs));
  }

  #send(response: HttpResponse, request: GraphqlHttpRequest, startedAtMs: number): void {
    const socket = this.#socket;
    this.#isAnswering = false;
    logHttpRequest(this.#shared.logger, request, response.status, startedAtMs);
    if (socket.destroyed) return;
    const isLast = !this.#shared.isOpen();
    const isFlowing = this.#write(this.#headOf(response, request, isLast), response.body);
    if (isLast) {
      socket.end(() => socket.destroySoon());
      return;
    }
    if (socket.timeout !== this.#shared.keepAliveTimeoutMs) socket.setTimeout(this.#shared.keepAliveTimeoutMs);
    // A client that does not read its responses is not read from.
    if (isFlowing) socket.resume();
    else socket.pause().once('drain', () => socket.resume());
  }

  #headOf(
    { status, contentType, headers, body }: HttpResponse,
    { requestId, headers: { origin } }: GraphqlHttpRequest,
    isLast: boolean,
  ): string {
    const { headers: table, keptAlive, linesFor } = this.#shared;
    const lines = headers === null ? linesFor(origin) : toLines({ ...table.common(origin), ...headers });
    return (
      `${status === 200 ? OK : `HTTP/1.1 ${status} ${STATUS_CODES[status]}`}\r\n${lines}` +
      `x-request-id: ${requestId}\r\ncontent-type: ${contentType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\ndate: ${httpDate()}\r\n${isLast ? CLOSED : keptAlive}\r\n`
    );
  }

  /** @returns whether the socket takes more */
  #write(head: string, body: string | Buffer): boolean {
    const socket = this.#socket;
    if (typeof body === 'string') return socket.write(head + body);
    if (body.length <= SHORT_BYTES) return socket.write(head + body.toString('latin1'), 'latin1');
    socket.cork();
    socket.write(head, 'latin1');
    const isFlowing = socket.write(body);
    socket.uncork();
    return isFlowing;
  }

  /** Gives the connection to the parser for good, with what was read of it. */
  #leave(bytes: Buffer): void {
    const socket = this.#socket;
    this.#firstPiece = null;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError);
    socket.off('close', this.#onClose).off('timeout', this.#onTimeout);
    this.#shared.connections.delete(this);
    socket.setTimeout(0);
    this.#shared.parse(socket);
    // The parser listens now. Back in the stream, they would take two more turns of it.
    if (bytes.length > 0) socket.emit('data', bytes);
  }

  readonly #onEnd = () => {
    if (this.#firstPiece) answerClientError(INCOMPLETE_REQUEST, this.#socket);
    else this.#socket.end();
  };

  readonly #onError = () => {
    this.#socket.destroy();
  };

  readonly #onClose = () => {
    this.#shared.connections.delete(this);
  };

  readonly #onTimeout = () => {
    if (this.#firstPiece) return this.#leave(this.#firstPiece);
    if (this.#isAnswering) return;
    if (this.#socket.bytesRead === 0) answerClientError(REQUEST_TIMEOUT, this.#socket);
    else this.#socket.destroy();
  };
}

const NOTHING = Buffer.alloc(0);
const OK = 'HTTP/1.1 200 OK';
const CLOSED = 'connection: close\r\n';
const REQUEST_TIMEOUT = Object.assign(new Error('No request came.'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
const INCOMPLETE_REQUEST = Object.assign(new Error('The request is incomplete.'), { code: 'HPE_INVALID_EOF_STATE' });

/** Above this size, copying costs as much as one write saves; and each connection may remember one request of this size. */
const SHORT_BYTES = 4096;

/** The lines of the headers that all responses have, written once per object of headers. */
function createHeaderLines(headers: ResponseHeaders): (origin: string | undefined) => string {
  const written = new WeakMap<object, string>();
  return (origin) => {
    const common = headers.common(origin);
    let lines = written.get(common);
    if (lines === undefined) {
      lines = toLines(common);
      written.set(common, lines);
    }
    return lines;
  };
}

function toLines(headers: Readonly<Record<string, string>>): string {
  let lines = '';
  for (const name in headers) lines += `${name}: ${headers[name]}\r\n`;
  return lines;
}

let dateText = '';
let dateSecond = 0;

/** The `Date` of a response (RFC 9110, section 6.6.1), written once a second. */
function httpDate(): string {
  const nowMs = Date.now();
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(nowMs).toUTCString();
  }
  return dateText;
}
