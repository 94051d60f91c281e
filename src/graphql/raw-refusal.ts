import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '../errors.ts';

/** A refusal without a request, or of an upgrade: Node gives only the connection to answer it on. */
export interface RawRefusal {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** Header lines beyond those of every such response. */
  readonly headers?: readonly string[];
}

/** The whole HTTP response, in the shape of all refusals. The connection ends with it. */
export function writeRawRefusal({ status, code, message, headers = [] }: RawRefusal): string {
  const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'X-Content-Type-Options: nosniff',
    ...headers,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
