import { ConfigError } from '../config/config.ts';

/** What the exit code says to whatever supervises the process: the codes of sysexits.h. 1 stands for anything else. */
export const EXIT_CODE = {
  unexpected: 1,
  /** `EX_DATAERR`: a newer build has migrated the database. */
  schemaTooNew: 65,
  /** `EX_DATAERR`: the database, or its files, hold what this build cannot work with. */
  unusableData: 65,
  /** `EX_NOINPUT`: PostgreSQL has no database, or the database no schema, of this name. */
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
  /** `EX_NOPERM`: the role may not do what the server does. */
  rightMissing: 77,
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
  if (syscall === 'connect') return explainConnecting(code, message);
  if (syscall === 'open' && code === 'ENOENT') {
    // What is written is made where it is missing; what is read is named by the configuration.
    return new StartError(EXIT_CODE.badConfiguration, `A file that the configuration names is not there: ${path}.`);
  }
  if (WRITING.has(syscall)) {
    const what = `The data folder cannot be written (${code}: ${path}). Make it writable, or choose another with DATA_DIR.`;
    return new StartError(EXIT_CODE.dataFolderNotWritable, what);
  }
  const said = MESSAGES.find(({ pattern }) => pattern.test(message ?? ''));
  // Poolers have one code for everything, and tell by their words what it is.
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

/** What is left of failures to connect when those that pass are waited for. */
function explainConnecting(code: string, message: string): StartError {
  const isDenied = code === 'EACCES' || code === 'EPERM';
  const what = isDenied ? 'This user may not connect to' : 'Nothing can be connected to at';
  return new StartError(
    isDenied ? EXIT_CODE.rightMissing : EXIT_CODE.badConfiguration,
    `${what} the address of DATABASE_URL (${message}).`,
  );
}

/** MikroORM repeats the statement in front of what PostgreSQL says, on other lines. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/^.* - (?=[^-]*$)/, '');
}

/** `bind`: by the primary, for its workers. */
const LISTENING = new Set(['listen', 'bind', 'getaddrinfo']);

/** What a start does to files, all of them in the data folder. */
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

/** SQLSTATE codes by which PostgreSQL says that trying again as things are would not help. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  '28000': LOGIN_REFUSED,
  '28P01': { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL refuses the user or the password of DATABASE_URL' },
  '3D000': NO_SUCH_DATABASE,
  '55000': { exitCode: EXIT_CODE.loginRefused, what: 'PostgreSQL lets no one into the database of DATABASE_URL' },
  '3F000': { exitCode: EXIT_CODE.noSuchDatabase, what: 'There is no such schema as in DATABASE_URL' },
  '42501': RIGHT_MISSING,
  '0LP01': RIGHT_MISSING,
  // Invalid and unknown settings, and those that cannot be made once a session has begun.
  '22023': SETTING_REFUSED,
  '42704': SETTING_REFUSED,
  '42601': SETTING_REFUSED,
  '42602': SETTING_REFUSED,
  '55P02': SETTING_REFUSED,
  // Functions, tables and other relations, types, and triggers that are there already.
  '42723': TABLES_TAKEN,
  '42P07': TABLES_TAKEN,
  '42710': TABLES_TAKEN,
};

const PROTOCOL_VIOLATION = '08P01';
const POOLER_REFUSAL = {
  exitCode: EXIT_CODE.badConfiguration,
  what: 'What stands in front of PostgreSQL refuses DATABASE_URL',
};

/** The same for failures without a code of PostgreSQL's. */
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
