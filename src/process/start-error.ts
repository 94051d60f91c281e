import { ConfigError } from '../config/config.ts';

/** What the exit code says to whatever supervises the process: the codes of sysexits.h. 1 stands for anything else. */
export const EXIT_CODE = {
  unexpected: 1,
  /** `EX_DATAERR`: a newer build has migrated the database. */
  schemaTooNew: 65,
  /** `EX_NOINPUT`: PostgreSQL has no database of this name. */
  noSuchDatabase: 66,
  /** `EX_UNAVAILABLE`: another program has the port. */
  portInUse: 69,
  /** `EX_CANTCREAT` */
  dataFolderNotWritable: 73,
  /** `EX_TEMPFAIL`: another process has the data folder. */
  dataFolderInUse: 75,
  /** `EX_PROTOCOL` */
  databaseTooOld: 76,
  /** `EX_NOPERM` */
  loginRefused: 77,
  /** `EX_CONFIG` */
  badConfiguration: 78,
} as const;

/** Why the server cannot start, in one line for whoever runs it. Trying again as things are would not help. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** What stopped the server, for its operator: in one line where the reason is known, else with all there is to know. */
export function explainFailure(error: unknown): StartError {
  if (error instanceof StartError) return error;
  if (error instanceof ConfigError) return new StartError(EXIT_CODE.badConfiguration, error.message);
  const { code = '', syscall = '', message, path, stack } = error as NodeJS.ErrnoException;
  if (LISTENING.has(syscall)) return explainListening(code);
  if (syscall === 'open' && code === 'ENOENT') {
    // What is written is made where it is missing; what is read may be a certificate that DATABASE_URL names.
    return new StartError(EXIT_CODE.badConfiguration, `A file that the configuration names is not there: ${path}.`);
  }
  if (WRITING.has(syscall)) {
    const what = `The data folder cannot be written (${code}: ${path}). Make it writable, or choose another with DATA_DIR.`;
    return new StartError(EXIT_CODE.dataFolderNotWritable, what);
  }
  const explanation = REFUSALS[code];
  if (explanation) return new StartError(explanation.exitCode, `${explanation.what} (${message}).`);
  return new StartError(EXIT_CODE.unexpected, `Stationmaster could not start: ${stack ?? error}`);
}

function explainListening(code: string): StartError {
  if (code !== 'EADDRINUSE') {
    return new StartError(EXIT_CODE.badConfiguration, `Nobody can listen on this HOST and PORT here (${code}).`);
  }
  const message = 'The port is in use by another program. Stop it, or choose another with PORT.';
  return new StartError(EXIT_CODE.portInUse, message);
}

/** `bind`: by the primary, for its workers. */
const LISTENING = new Set(['listen', 'bind', 'getaddrinfo']);

/** What a start does to files, all of them in the data folder. */
const WRITING = new Set(['mkdir', 'access', 'open', 'link', 'write']);

/** SQLSTATE codes by which PostgreSQL turns a client away for good. */
const REFUSALS: Readonly<Record<string, { exitCode: number; what: string }>> = {
  '28000': { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL refuses the login of DATABASE_URL' },
  '28P01': { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL refuses the user or the password of DATABASE_URL' },
  '3D000': { exitCode: EXIT_CODE.noSuchDatabase, what: 'There is no such database as in DATABASE_URL' },
};
