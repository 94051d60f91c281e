import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { ErrorCode } from '../errors.ts';
import type { Timers } from '../timers.ts';

/** Why a request may not open a WebSocket. */
export interface UpgradeRefusal {
  readonly status: number;
  readonly code: ErrorCode;
  /** What the client is told. */
  readonly message: string;
  /** What an operator can do about it. */
  readonly advice?: string;
}

export type RefuseUpgrade = (connection: Duplex, request: IncomingMessage, refusal: UpgradeRefusal) => void;

/** Lines in the log for each period; those left out are counted in the next line. */
const MAX_LINES = 20;
const PERIOD_MS = 60_000;

/** Answers refused upgrades in the shape of all refusals. Each leaves a line in the log, within bounds. */
export function createUpgradeRefuser(logger: Logger, { now }: Pick<Timers, 'now'>): RefuseUpgrade {
  let periodEndsAtMs = 0;
  let lines = 0;
  let leftOut = 0;
  const log = (
    { headers: { host, origin }, url }: IncomingMessage,
    { status, code, message, advice }: UpgradeRefusal,
  ) => {
    if (now() >= periodEndsAtMs) {
      periodEndsAtMs = now() + PERIOD_MS;
      lines = 0;
    }
    if (lines >= MAX_LINES) {
      leftOut += 1;
      return;
    }
    lines += 1;
    const path = url?.split('?', 1)[0];
    const more = { ...(advice !== undefined && { advice }), ...(leftOut > 0 && { leftOut }) };
    logger.info({ path, origin, host, statusCode: status, code, reason: message, ...more }, 'upgrade refused');
    leftOut = 0;
  };
  return (connection, request, refusal) => {
    log(request, refusal);
    const { status, code, message } = refusal;
    const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Cache-Control: private, no-store',
      'X-Content-Type-Options: nosniff',
      // RFC 6455, section 4.4.
      ...(status === 426 ? ['Sec-WebSocket-Version: 13'] : []),
      'Connection: close',
    ];
    connection.on('error', () => connection.destroy());
    connection.once('finish', () => connection.destroy());
    connection.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };
}
