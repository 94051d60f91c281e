import type { Socket } from 'node:net';
import { writeRawRefusal } from '../graphql/raw-refusal.ts';

/** How often Node checks for requests that take too long to arrive. */
export const LOOK_FOR_SLOW_REQUESTS_MS = 1000;

/** Heads are small, so they have less time than bodies. */
const HEADERS_TIMEOUT_SECONDS = 15;

/** Node's settings against clients that send so slowly that a request never ends. */
export function arrivalTimeouts(requestTimeoutSeconds: number) {
  return {
    requestTimeout: requestTimeoutSeconds * 1000,
    headersTimeout: Math.min(requestTimeoutSeconds, HEADERS_TIMEOUT_SECONDS) * 1000,
    connectionsCheckingInterval: LOOK_FOR_SLOW_REQUESTS_MS,
  };
}

/** Answers bytes that never became a request, in the shape of all refusals, while the socket is writable. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, message] = ANSWERS[error.code ?? ''] ?? [400, 'This is not a request of HTTP.'];
  if (socket.writable) socket.write(writeRawRefusal({ status, code: 'BAD_USER_INPUT', message }));
  socket.destroySoon();
}

const ANSWERS: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The body of the request is too large.'],
};
