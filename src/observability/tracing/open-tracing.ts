import { ProxyTracerProvider, trace } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { Config } from '../../config/config.ts';
import { limitBeginnings } from './begin-rate.ts';
import { describeServer } from './statement-attributes.ts';
import { Tracing } from './traces.ts';

export interface OpenTracing {
  /** `null`: there is no SDK, and nothing has to be spent on spans. */
  readonly tracing: Tracing | null;
  /** Exports the spans that are left, for at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const SCOPE = 'stationmaster';

/**
 * Traces by the SDK that the process was started with, or else by one that exports as configured, or not at all.
 * @param config without `tracing`, nothing is exported from here
 */
export async function openTracing(
  { tracing: config, database }: Pick<Config, 'tracing' | 'database'>,
  logger: Logger,
): Promise<OpenTracing> {
  const createTracing = (mayBegin: () => boolean) =>
    new Tracing(trace.getTracer(SCOPE), mayBegin, describeServer(database));
  if (isRegistered()) return { tracing: createTracing(() => true), close: async () => {} };
  if (!config) return { tracing: null, close: async () => {} };
  const nowMs = () => performance.now();
  // Loads the SDK, which a server that exports no spans does not need.
  const { startTraceExport } = await import('./trace-export.ts');
  const { close } = await startTraceExport(config, { logger, nowMs });
  return { tracing: createTracing(config.sampler === undefined ? limitBeginnings(nowMs) : () => true), close };
}

function isRegistered(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(SCOPE) !== undefined;
}
