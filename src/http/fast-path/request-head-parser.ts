import { LRUCache } from 'lru-cache';
import { MAX_KEY_LENGTH } from '../../operations/response-cache.ts';
import { isNavigation } from '../headers.ts';
import { chooseMediaType } from '../media-type.ts';
import { chooseStreamFormat } from '../streams/stream-format.ts';

/** The head of a plain request, which is read without Node's parser. */
export interface RequestHead {
  /** By name in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the body, in bytes: more than 0, at most `MAX_KEY_LENGTH`. */
  readonly contentLength: number;
}

const MAX_HEAD_BYTES = 8 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** RFC 9112, section 5, without its obsolete forms: a token, a colon, and visible text without control characters. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** Each of these changes how the rest of the connection is read, or asks for something that Node does. */
const NOT_PLAIN = ['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'trailer', 'te', 'proxy-connection'];

/**
 * Reads the heads of plain requests to one path: HTTP/1.1, a `POST` of JSON with a length, each header once, nothing
 * folded, the connection kept, and a response in one of the media types of GraphQL for a program. Such a head has one
 * meaning only. Anything else is `null`, and left to a full parser.
 *
 * Clients repeat their heads, so heads are remembered by their text.
 */
export class RequestHeadParser {
  readonly #requestLine: string;
  readonly #known = new LRUCache<string, RequestHead>({ max: 1000 });

  constructor(path: string) {
    this.#requestLine = `POST ${path} HTTP/1.1`;
  }

  /** The length of the head that `bytes` begins with, including the empty line at its end; 0: it is incomplete. */
  lengthIn(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    return end === -1 || end > MAX_HEAD_BYTES ? 0 : end + HEAD_END.length;
  }

  /** @param length of the head, from `lengthIn` */
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
    const { accept } = headers;
    if (isNavigation(headers) || chooseMediaType(accept) === null || chooseStreamFormat(accept)) return null;
    const length = /^[1-9]\d{0,8}$/.exec(headers['content-length'] ?? '')?.[0];
    if (length === undefined || Number(length) > MAX_KEY_LENGTH) return null;
    return { headers, contentLength: Number(length) };
  }
}
