import { isSet, numberBetween, oneOf, type ReadSetting, webUrl, wholeNumber } from './settings.ts';

/** The standard names, as in OpenTelemetry's specification. */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/**
 * How spans are exported. The exporter itself reads what concerns only it: the addresses, headers, time-outs, compression
 * and certificates in `OTEL_EXPORTER_OTLP_…`, and the resource's attributes.
 */
export interface TracingConfig {
  readonly protocol: 'http/protobuf' | 'http/json';
  /** `undefined`: traces that clients began are continued as they decided, others are begun at a bounded rate. */
  readonly sampler: (typeof SAMPLERS)[number] | undefined;
  /** The share of traces for the samplers with a ratio. */
  readonly samplerRatio: number;
  readonly batch: {
    readonly scheduledDelayMillis: number;
    readonly maxQueueSize: number;
    readonly maxExportBatchSize: number;
    readonly exportTimeoutMillis: number;
  };
}

/**
 * Without an address to export to the other variables are not looked at: they may be meant for other programs.
 * @returns `null` without an address, or where a variable says that nothing is exported
 */
export function readTracing(read: ReadSetting, env: NodeJS.ProcessEnv): TracingConfig | null {
  if (ENDPOINTS.every((name) => read(name, webUrl, undefined) === undefined)) return null;
  const isDisabled = read('OTEL_SDK_DISABLED', oneOf('true', 'false'), 'false') === 'true';
  if (isDisabled || read('OTEL_TRACES_EXPORTER', oneOf('otlp', 'none'), 'otlp') === 'none') return null;
  const maxQueueSize = read('OTEL_BSP_MAX_QUEUE_SIZE', wholeNumber(1, 1_000_000), 2048);
  return {
    protocol: read(protocolIn(env), oneOf('http/protobuf', 'http/json'), 'http/protobuf'),
    sampler: read('OTEL_TRACES_SAMPLER', oneOf(...SAMPLERS), undefined),
    samplerRatio: read('OTEL_TRACES_SAMPLER_ARG', numberBetween(0, 1), 1),
    batch: {
      scheduledDelayMillis: read('OTEL_BSP_SCHEDULE_DELAY', wholeNumber(1, 3_600_000), 5000),
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, read('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', wholeNumber(1, 100_000), 512)),
      exportTimeoutMillis: read('OTEL_BSP_EXPORT_TIMEOUT', wholeNumber(1, 3_600_000), 30_000),
    },
  };
}

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const;

function protocolIn(env: NodeJS.ProcessEnv): string {
  const ofTraces = 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  return isSet(env, ofTraces) ? ofTraces : 'OTEL_EXPORTER_OTLP_PROTOCOL';
}
