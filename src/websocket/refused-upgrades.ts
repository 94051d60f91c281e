import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type RawRefusal, writeRawRefusal } from '../graphql/raw-refusal.ts';
import type { Timers } from '../timers.ts';

/** Why a request may not open a WebSocket. */
export interface UpgradeRefusal extends Pick<RawRefusal, 'status' | 'code' | 'message'> {
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
    const headers = ['Cache-Control: private, no-store', 'X-Content-Type-Options: nosniff'];
    // RFC 6455, section 4.4.
    if (status === 426) headers.push('Sec-WebSocket-Version: 13');
    connection.on('error', () => connection.destroy());
    connection.once('finish', () => connection.destroy());
    connection.end(writeRawRefusal({ status, code, message, headers }));
  };
}
