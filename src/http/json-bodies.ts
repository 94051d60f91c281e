import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpRefusal } from './http-refusal.ts';

/** How long a client may go on sending what has been refused; it looks for the answer only when it is done. */
const LINGER_MS = 1000;

/**
 * Takes JSON in UTF-8 and nothing else: a body that a plain form can send, or that is compressed or in another charset,
 * is refused with 415. The body stays a string: what looks requests up by their body need not parse them.
 */
export function acceptJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const refusal = refuseEncoding(request);
    if (refusal) return done(refusal);
    // Decoding would replace what is not UTF-8 without a word, and something else would be stored than was sent.
    if (!isUtf8(body)) return done(new HttpRefusal(400, 'The body of the request is not valid UTF-8.'));
    done(null, body.toString('utf8'));
  });
}

function refuseEncoding({ headers }: FastifyRequest): HttpRefusal | undefined {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type']!)?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    return new HttpRefusal(415, 'The body of a request must be in UTF-8.');
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
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

/** Cuts a refused request off unless its body ends soon. Until then what comes is thrown away as it arrives. */
export function endRefusedBody({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return;
  const timer = setTimeout(() => raw.destroy(), LINGER_MS);
  raw.once('close', () => clearTimeout(timer));
}
