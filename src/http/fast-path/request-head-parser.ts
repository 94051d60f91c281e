import { LRUCache } from 'lru-cache';

/** The head of a request that is plain enough to be read without Node's parser. */
export interface RequestHead {
  /** By name in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the body, in bytes; more than 0. */
  readonly contentLength: number;
}

const MAX_HEAD_BYTES = 8 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** RFC 9112, section 5, less what is obsolete: a token, a colon, and visible text without control characters. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** Each of these changes what the rest of the connection means, or asks for something that is Node's business. */
const NOT_PLAIN = ['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'trailer', 'te', 'proxy-connection'];

/**
 * Reads the heads of requests to one place: HTTP/1.1, a `POST` of JSON with a length, each header once, nothing folded,
 * and the connection kept. There is one way to understand those. Anything else is `null`, and left to a real parser.
 *
 * Most heads are sent again and again by the same client, so they are known by their text.
 */
export class RequestHeadParser {
  readonly #requestLine: string;
  readonly #known = new LRUCache<string, RequestHead>({ max: 1000 });

  constructor(path: string) {
    this.#requestLine = `POST ${path} HTTP/1.1`;
  }

  /** The bytes of a head at the beginning of `bytes`, with the empty line that ends it; 0 when none is there as a whole. */
  lengthIn(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    return end === -1 || end > MAX_HEAD_BYTES ? 0 : end + HEAD_END.length;
  }

  /** @param length of the head, as `lengthIn` said */
  read(bytes: Buffer, length: number): RequestHead | null {
    const text = bytes.toString('latin1', 0, length - HEAD_END.length);
    const known = this.#known.get(text);
    if (known) return known;
    const head = this.#parse(text);
    if (head) this.#known.set(text, head);
    return head;
  }

  #parse(text: string): RequestHead | null {
    const [requestLine, ...lines] = text.split('\r\n');
    if (requestLine !== this.#requestLine) return null;
    const headers: Record<string, string> = Object.create(null);
    for (const line of lines) {
      const [, name, value] = HEADER.exec(line) ?? [];
      if (name === undefined || value === undefined) return null;
      const lowerCased = name.toLowerCase();
      if (lowerCased in headers || NOT_PLAIN.includes(lowerCased)) return null;
      headers[lowerCased] = value;
    }
    if (!headers.host || headers['content-type'] !== 'application/json') return null;
    if ((headers.connection ?? 'keep-alive').toLowerCase() !== 'keep-alive') return null;
    const length = headers['content-length'] ?? '';
    return /^[1-9]\d{0,8}$/.test(length) ? { headers, contentLength: Number(length) } : null;
  }
}
