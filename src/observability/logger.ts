import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import type PinoPretty from 'pino-pretty';
import type { Config } from '../config/config.ts';
import { standardOutput } from '../process/output.ts';

/**
 * Creates the logger of the process: one line of JSON per event on standard output, readable text in development. When the
 * reader of the output stops or leaves, lines are dropped and nothing else happens; see `Output`. A later line says how
 * many were dropped.
 *
 * @param destination where to write instead of standard output
 */
export function createLogger(
  { environment, logLevel }: Pick<Config, 'environment' | 'logLevel'>,
  destination?: DestinationStream,
): Logger {
  const options: LoggerOptions = { level: logLevel, redact: { paths: SECRET_PATHS, censor: '[redacted]' } };
  const output = destination ?? standardOutput();
  const logger = pino(options, environment === 'development' ? prettify(output) : output);
  if (!destination) {
    standardOutput().onDropped = (count) => logger.warn({ count }, 'lines of the log were dropped: nobody read them');
  }
  return logger;
}

function prettify(output: DestinationStream): DestinationStream {
  // Loaded only here: production does not need it.
  const { isColorSupported, prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  const format = prettyFactory({ colorize: isColorSupported, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => output.write(format(line)) };
}

const SECRETS = ['authorization', 'Authorization', 'token', 'accessToken', 'password', 'secret', 'cookie'];

/** Where a secret is likely to be logged by mistake: as a field of the log line, or one or two objects deep. */
const SECRET_PATHS = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
