import { context, type DiagLogger, DiagLogLevel, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { TracingConfig } from '../../config/config.ts';
import { describeCause } from '../../database/failures.ts';
import { readVersion } from '../version.ts';

/*
 * The SDK of OpenTelemetry, in the parts that traces need. Loaded only where spans are exported.
 */

export interface TraceExport {
  /** Exports what is left, for at most `graceMs`, and stops. Further calls change nothing. */
  close(graceMs: number): Promise<void>;
}

/** Statements can be long, and filters name what their callers look for. */
const LONGEST_ATTRIBUTE = 4096;
/** Batches under way at a time: what a full queue has at a stop. After a failure the SDK sends more than one. */
const MAX_EXPORTS = 5;
/** The time between two lines of the log about the export. */
const QUIET_MS = 60_000;

/** Registers the SDK with the API, for the whole process. What goes wrong with an export is logged now and then. */
export async function startTraceExport(
  config: TracingConfig,
  { logger, nowMs }: { readonly logger: Logger; readonly nowMs: () => number },
): Promise<TraceExport> {
  const warn = nowAndThen(logger, nowMs);
  diag.setLogger(diagnosticsTo(warn), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  // The message alone: what else an error of the exporter holds is what the collector answered.
  setGlobalErrorHandler((error) => warn(describeCause(error)));
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'stationmaster',
          'service.version': readVersion(),
          'process.pid': process.pid,
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: createSampler(config),
    spanLimits: { attributeValueLengthLimit: LONGEST_ATTRIBUTE },
    spanProcessors: [new BatchSpanProcessor({ ...config.batch, exporter: await createExporter(config) })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const stop = async (graceMs: number) => {
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    await Promise.race([provider.shutdown().catch((error: unknown) => warn(describeCause(error))), isOver]);
    clearTimeout(timer);
    for (const api of [trace, propagation, context, diag]) api.disable();
  };
  let stopping: Promise<void> | undefined;
  return {
    close(graceMs) {
      stopping ??= stop(graceMs);
      return stopping;
    },
  };
}

async function createExporter({ protocol }: TracingConfig): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ concurrencyLimit: MAX_EXPORTS });
}

function createSampler({ sampler = 'parentbased_always_on', samplerRatio }: TracingConfig): Sampler {
  const root = ROOT_SAMPLERS[sampler.replace('parentbased_', '') as keyof typeof ROOT_SAMPLERS](samplerRatio);
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

const ROOT_SAMPLERS = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio: number) => new TraceIdRatioBasedSampler(ratio),
};

/** Logs the first of several messages, and with the next one after a while how many there were in between. */
function nowAndThen(logger: Logger, nowMs: () => number): (reason: string) => void {
  let quietUntilMs = Number.NEGATIVE_INFINITY;
  let unlogged = 0;
  return (reason) => {
    if (nowMs() < quietUntilMs) {
      unlogged += 1;
      return;
    }
    logger.warn({ reason, ...(unlogged > 0 && { unlogged }) }, 'spans could not be exported');
    quietUntilMs = nowMs() + QUIET_MS;
    unlogged = 0;
  };
}

function diagnosticsTo(warn: (reason: string) => void): DiagLogger {
  const ignore = () => {};
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore };
}
