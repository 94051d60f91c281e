import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { isColorSupported, prettyFactory } from 'pino-pretty';
import type { Config } from '../config/config.ts';
import { standardOutput } from '../process/output.ts';

/**
 * The process's logger: one line of JSON per event on standard output, made readable in development. A reader that stands
 * still or is gone costs lines, and nothing else; see `Output`. That lines were dropped is said once others can be read.
 *
 * @param destination where to write instead
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
  const format = prettyFactory({ colorize: isColorSupported, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => output.write(format(line)) };
}

const SECRETS = ['authorization', 'Authorization', 'token', 'accessToken', 'password', 'secret', 'cookie'];

/** Wherever a secret is likely to be logged by mistake: as a field, or in an object or two around it. */
const SECRET_PATHS = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
