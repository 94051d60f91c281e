import type { Logger } from 'pino';

/** Writes the line that every HTTP request leaves in the log, at `debug` only. */
export function logHttpRequest(
  logger: Logger,
  { requestId, method, path }: { readonly requestId: string; readonly method: string; readonly path: string },
  statusCode: number,
  startedAtMs: number,
): void {
  if (!logger.isLevelEnabled('debug')) return;
  const durationMs = performance.now() - startedAtMs;
  logger.debug({ requestId, method, path, statusCode, durationMs }, 'http request');
}
