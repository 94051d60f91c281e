import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { isColorSupported, prettyFactory } from 'pino-pretty';
import type { Config } from '../config/config.ts';

/**
 * Creates the logger of the process: one line of JSON per event on standard output, readable text in development. It
 * writes from this thread, so no line is lost when the process ends and no thread outlives it.
 *
 * @param destination where to write instead of standard output
 */
export function createLogger(
  { environment, logLevel }: Pick<Config, 'environment' | 'logLevel'>,
  destination?: DestinationStream,
): Logger {
  const options: LoggerOptions = { level: logLevel, redact: { paths: SECRET_PATHS, censor: '[redacted]' } };
  const output = destination ?? pino.destination({ fd: 1, sync: true });
  return pino(options, environment === 'development' ? prettify(output) : output);
}

function prettify(output: DestinationStream): DestinationStream {
  const format = prettyFactory({ colorize: isColorSupported, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => output.write(format(line)) };
}

const SECRETS = ['authorization', 'Authorization', 'token', 'accessToken', 'password', 'secret', 'cookie'];

/** Where a secret is likely to be logged by mistake: as a field of the log line, or one or two objects deep. */
const SECRET_PATHS = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
