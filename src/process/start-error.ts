import { ConfigError } from '../config/config.ts';

/** The exit codes, for a supervisor of the process. They follow sysexits.h; 1 stands for any other failure. */
export const EXIT_CODE = {
  unexpected: 1,
  /** `EX_DATAERR`: a newer build has migrated the database. */
  schemaTooNew: 65,
  /** `EX_DATAERR`: this build cannot work with the content of the database or its files. */
  unusableData: 65,
  /** `EX_NOINPUT`: there is no database, or no schema, of this name. */
  noSuchDatabase: 66,
  /** `EX_UNAVAILABLE`: another program uses the port. */
  portInUse: 69,
  /** `EX_CANTCREAT` */
  dataFolderNotWritable: 73,
  /** `EX_TEMPFAIL`: another process uses the data folder. */
  dataFolderInUse: 75,
  /** `EX_PROTOCOL` */
  databaseTooOld: 76,
  /** `EX_NOPERM` */
  loginRefused: 77,
  /** `EX_NOPERM`: the role lacks a right that the server needs. */
  rightMissing: 77,
  /** `EX_CONFIG` */
  badConfiguration: 78,
} as const;

/** The reason why the server cannot start, in one line for its operator. Retrying without a change would not help. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Explains to the operator why the server stopped: in one line if the reason is known, otherwise with the whole error. */
export function explainFailure(error: unknown): StartError {
  if (error instanceof StartError) return error;
  if (error instanceof ConfigError) return new StartError(EXIT_CODE.badConfiguration, error.message);
  const { code = '', syscall = '', message, path, stack } = error as NodeJS.ErrnoException;
  if (LISTENING.has(syscall)) return explainListening(code);
  if (syscall === 'connect') return explainConnecting(code, message);
  if (syscall === 'open' && code === 'ENOENT') {
    // Files that the server writes are created if missing, so this is a file to read, which the configuration names.
    return new StartError(EXIT_CODE.badConfiguration, `A file that the configuration names is not there: ${path}.`);
  }
  if (WRITING.has(syscall)) {
    const what = `The data folder cannot be written (${code}: ${path}). Make it writable, or choose another with DATA_DIR.`;
    return new StartError(EXIT_CODE.dataFolderNotWritable, what);
  }
  const said = MESSAGES.find(({ pattern }) => pattern.test(message ?? ''));
  // Poolers use one code for everything; only the text of the message tells the reason.
  const explanation = code === PROTOCOL_VIOLATION ? (said ?? POOLER_REFUSAL) : (REFUSALS[code] ?? said);
  if (explanation) return new StartError(explanation.exitCode, `${explanation.what} (${firstLine(message)}).`);
  return new StartError(EXIT_CODE.unexpected, `Stationmaster could not start: ${stack ?? error}`);
}

function explainListening(code: string): StartError {
  if (code !== 'EADDRINUSE') {
    return new StartError(EXIT_CODE.badConfiguration, `Nobody can listen on this HOST and PORT here (${code}).`);
  }
  const message = 'The port is in use by another program. Stop it, or choose another with PORT.';
  return new StartError(EXIT_CODE.portInUse, message);
}

/** Explains the failures to connect that do not pass. The server waits for the others to pass. */
function explainConnecting(code: string, message: string): StartError {
  const isDenied = code === 'EACCES' || code === 'EPERM';
  const what = isDenied ? 'This user may not connect to' : 'Nothing can be connected to at';
  return new StartError(
    isDenied ? EXIT_CODE.rightMissing : EXIT_CODE.badConfiguration,
    `${what} the address of DATABASE_URL (${message}).`,
  );
}

/** The first line, without the statement that MikroORM puts before PostgreSQL's message. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/^.* - (?=[^-]*$)/, '');
}

/** The primary uses `bind` for its workers. */
const LISTENING = new Set(['listen', 'bind', 'getaddrinfo']);

/** The system calls with which a start writes files, all of them in the data folder. */
const WRITING = new Set(['mkdir', 'access', 'open', 'link', 'write', 'rename', 'unlink', 'rm']);

interface Refusal {
  readonly exitCode: number;
  readonly what: string;
}

const LOGIN_REFUSED = { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL refuses the login of DATABASE_URL' };
const NO_SUCH_DATABASE = {
  exitCode: EXIT_CODE.noSuchDatabase,
  what: 'There is no such database as in DATABASE_URL',
};
const RIGHT_MISSING = {
  exitCode: EXIT_CODE.rightMissing,
  what: 'The role of DATABASE_URL lacks a right that the server needs',
};
const SETTING_REFUSED = {
  exitCode: EXIT_CODE.badConfiguration,
  what: 'PostgreSQL refuses a setting in DATABASE_URL',
};
const TABLES_TAKEN = {
  exitCode: EXIT_CODE.unusableData,
  what: 'The database holds something else under a name that the server needs; choose another database or schema',
};

/** The SQLSTATE code of what the role may not do. */
export const INSUFFICIENT_PRIVILEGE = '42501';

/** SQLSTATE codes for which a retry without a change would not help. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  '28000': LOGIN_REFUSED,
  '28P01': { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL refuses the user or the password of DATABASE_URL' },
  '3D000': NO_SUCH_DATABASE,
  '55000': { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL lets no one into the database of DATABASE_URL' },
  '3F000': { exitCode: EXIT_CODE.noSuchDatabase, what: 'There is no such schema as in DATABASE_URL' },
  [INSUFFICIENT_PRIVILEGE]: RIGHT_MISSING,
  '0LP01': RIGHT_MISSING,
  // Invalid and unknown settings, and those that cannot be changed within a session.
  '22023': SETTING_REFUSED,
  '42704': SETTING_REFUSED,
  '42601': SETTING_REFUSED,
  '42602': SETTING_REFUSED,
  '55P02': SETTING_REFUSED,
  // Functions, relations, types and triggers that exist already.
  '42723': TABLES_TAKEN,
  '42P07': TABLES_TAKEN,
  '42710': TABLES_TAKEN,
};

const PROTOCOL_VIOLATION = '08P01';
const POOLER_REFUSAL = {
  exitCode: EXIT_CODE.badConfiguration,
  what: 'What stands in front of PostgreSQL refuses DATABASE_URL',
};

/** The same for failures without an SQLSTATE, by the text of the message. */
const MESSAGES: readonly (Refusal & { readonly pattern: RegExp })[] = [
  {
    pattern: /does not support SSL connections|did not answer a request for TLS|does not support channel binding/,
    exitCode: EXIT_CODE.badConfiguration,
    what: 'PostgreSQL does not encrypt connections as DATABASE_URL asks for',
  },
  {
    pattern: /certificate|Hostname\/IP does not match|wrong version number|\bSSL routines\b|\bPEM\b|tlsv1/i,
    exitCode: EXIT_CODE.badConfiguration,
    what: 'No encrypted connection to PostgreSQL can be made as DATABASE_URL asks for; see sslmode and sslrootcert',
  },
  {
    pattern: /client password must be a string|password authentication/i,
    exitCode: EXIT_CODE.loginRefused,
    what: 'PostgreSQL asks for a password, and DATABASE_URL has none',
  },
  {
    pattern: /tenant or user not found|no such user|role "[^"]*" does not exist|authentication failed/i,
    ...LOGIN_REFUSED,
  },
  { pattern: /no such database|database "[^"]*" does not exist/i, ...NO_SUCH_DATABASE },
];
