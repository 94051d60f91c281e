import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpRefusal } from './refusal.ts';

/** How long a client may go on sending a refused body. Clients read the response only once they have sent it. */
const LINGER_MS = 1000;

/**
 * Accepts JSON in UTF-8 only. A body that a plain form can send, a compressed one, and one in another charset is refused
 * with 415. The body stays a string: cached responses are found by it without parsing.
 */
export function acceptJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const refusal = refuseEncoding(request);
    if (refusal) return done(refusal);
    const text = decodeBody(body);
    if (text === null) return done(new HttpRefusal(400, 'The body of the request is not in UTF-8.'));
    done(null, text);
  });
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/**
 * The text of a body in UTF-8, without a byte order mark (RFC 8259, section 8.1); `null` for one in another encoding.
 * Decoding would replace invalid bytes silently, and store something else than the client sent.
 */
export function decodeBody(body: Buffer): string | null {
  // In UTF-16 and UTF-32 the first character of JSON has a byte of 0.
  if (!isUtf8(body) || body.subarray(0, 4).includes(0)) return null;
  const isMarked = body[0] === BYTE_ORDER_MARK[0] && body.indexOf(BYTE_ORDER_MARK) === 0;
  return body.toString('utf8', isMarked ? BYTE_ORDER_MARK.length : 0);
}

function refuseEncoding({ headers }: FastifyRequest): HttpRefusal | undefined {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type']!)?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    return new HttpRefusal(415, 'The body of a request must be in UTF-8.');
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return new HttpRefusal(415, 'The body of a request must not be compressed.');
  }
  return undefined;
}

/** The parsed body. @throws {HttpRefusal} 400 when it is not JSON */
export function parseJsonBody(body: unknown): unknown {
  try {
    return JSON.parse(body as string);
  } catch {
    throw new HttpRefusal(400, 'The body of the request is not valid JSON.');
  }
}

/** Cuts a refused request off unless its body ends soon. Until then the bytes that arrive are discarded. */
export function endRefusedBody({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return;
  const timer = setTimeout(() => raw.destroy(), LINGER_MS);
  raw.once('close', () => clearTimeout(timer));
}
