import { userInfo } from 'node:os';

/** How a connection is encrypted, in the words of libpq's `sslmode`. */
export type TlsMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** The connection parameters that a database URL contains. */
export interface DatabaseAddress {
  /** A host name, an IP address, or the folder of a Unix socket, which begins with a slash. */
  readonly host: string;
  /** The IP address to connect to instead of looking up `host`. */
  readonly hostAddress: string | undefined;
  readonly port: number;
  readonly user: string;
  /** `undefined`: taken from the environment or the password file. */
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: {
    readonly mode: TlsMode;
    /** Paths of PEM files; `rootCertificates` may be `system`. */
    readonly rootCertificates: string | undefined;
    readonly certificate: string | undefined;
    readonly key: string | undefined;
    readonly keyPassword: string | undefined;
    readonly revocations: string | undefined;
    readonly sendsServerName: boolean;
    readonly minVersion: string | undefined;
    readonly maxVersion: string | undefined;
    /** Whether the handshake begins without asking the server first. */
    readonly isDirect: boolean;
  };
  readonly channelBinding: 'disable' | 'prefer' | 'require';
  /** Command-line options of the server process, other than settings. */
  readonly options: string | undefined;
  /** Settings of the session, by name. */
  readonly settings: Readonly<Record<string, string>>;
  readonly connectTimeoutMs: number | undefined;
  readonly keepAlive: boolean;
  readonly keepAliveIdleMs: number | undefined;
}

/** A database URL that cannot be used. The message continues "DATABASE_URL …" and contains no secret. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
}

const DEFAULT_PORT = 5432;

/**
 * Reads a URL as libpq does (PostgreSQL, "Connection URIs"), with two additions: `schema` names the schema to work in, as in
 * other tools, and `ssl` and `no-verify` have the meaning that node-postgres gives them.
 *
 * Without `sslmode` the connection is plain unless the server insists on TLS: `allow`.
 *
 * @throws {DatabaseUrlError} if a part cannot be parsed, a parameter is unknown, or its value is not supported
 */
export function readDatabaseUrl(text: string): DatabaseAddress {
  const { user, password, host, port, database, search } = splitUrl(text);
  const given = readParameters(search, text);
  const value = (name: string) => given.get(name) || undefined;
  // Only checked: the server always needs a primary.
  readWord(given, 'target_session_attrs', ['any', 'read-write', 'primary']);
  const name = value('user') ?? (user || process.env.PGUSER || nameOfSystemUser());
  return {
    host: readHost(value('host') ?? (host || process.env.PGHOST || 'localhost')),
    hostAddress: value('hostaddr'),
    port: readPort(value('port') ?? (port || process.env.PGPORT || String(DEFAULT_PORT))),
    user: name,
    password: value('password') ?? (password || undefined),
    database: value('dbname') ?? (database || process.env.PGDATABASE || name),
    tls: {
      mode: readTlsMode(given),
      rootCertificates: value('sslrootcert'),
      certificate: value('sslcert'),
      key: value('sslkey'),
      keyPassword: value('sslpassword'),
      revocations: value('sslcrl'),
      sendsServerName: value('sslsni') !== '0',
      minVersion: readTlsVersion(given, 'ssl_min_protocol_version'),
      maxVersion: readTlsVersion(given, 'ssl_max_protocol_version'),
      isDirect: readWord(given, 'sslnegotiation', ['postgres', 'direct']) === 'direct',
    },
    channelBinding: readWord(given, 'channel_binding', ['disable', 'prefer', 'require']) ?? 'disable',
    ...readSessionOptions(given),
    connectTimeoutMs: readSeconds(given, 'connect_timeout'),
    keepAlive: value('keepalives') !== '0',
    keepAliveIdleMs: readSeconds(given, 'keepalives_idle'),
  };
}

/** `postgres://user:password@host:port/database?parameters`. Every part is optional. */
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:(?<userinfo>[^/?]*)@)?(?<host>\[[^\]/?@]*\]|[^/?:@]*)(?::(?<port>\d*))?(?:\/(?<database>[^?]*))?(?:\?(?<search>.*))?$/s;

function splitUrl(text: string) {
  if (/^postgres(?:ql)?:\/\/(?:[^/?]*@)?[^/?]*,/.test(text)) throw new DatabaseUrlError('names more than one host');
  const parts = URL_PARTS.exec(text)?.groups;
  // libpq accepts white space and `#` literally, but here they most likely belong to a password that was not percent-encoded.
  if (!parts || /[\s#]/.test(text.split('?', 1)[0]!)) throw new DatabaseUrlError(describeUnreadable(text));
  const { userinfo = '', host = '', port = '', database = '', search = '' } = parts;
  const [user = '', ...password] = userinfo.split(':');
  return {
    user: decode(user, text),
    password: decode(password.join(':'), text),
    host: decode(host.replace(/^\[(.*)\]$/, '$1'), text),
    port,
    database: decode(database, text),
    search,
  };
}

/** A container may run as a user without a name. */
function nameOfSystemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER || 'postgres';
  }
}

function describeUnreadable(text: string): string {
  const scheme = /^[a-z]+:\/\//i.exec(text)?.[0];
  if (scheme === undefined) return 'does not begin with a scheme';
  return /^postgres(ql)?:/i.test(scheme) || !URL.canParse(text)
    ? `is a ${scheme} URL that cannot be read`
    : `is another ${scheme} URL`;
}

function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new DatabaseUrlError(describeUnreadable(text));
  }
}

/** The parameters that have an effect or are checked. */
const KNOWN = [
  ...['host', 'hostaddr', 'port', 'user', 'password', 'dbname', 'schema', 'options', 'connect_timeout'],
  ...['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl', 'sslsni', 'sslnegotiation'],
  ...['ssl_min_protocol_version', 'ssl_max_protocol_version', 'channel_binding', 'application_name'],
  ...['keepalives', 'keepalives_idle', 'client_encoding', 'target_session_attrs', 'gssencmode', 'load_balance_hosts'],
];

/** Parameters that are accepted and ignored, because the server does what they tune in its own way or not at all. */
const WITHOUT_EFFECT = [
  ...['fallback_application_name', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout', 'sslcompression'],
  ...['krbsrvname', 'gsslib', 'gssdelegation', 'sslcertmode', 'min_protocol_version', 'max_protocol_version'],
  'uselibpqcompat',
];

function readParameters(search: string, text: string): Map<string, string> {
  const given = new Map<string, string>();
  for (const pair of search.split('&')) {
    if (pair === '') continue;
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair) ?? [];
    const key = decode(name, text);
    if (!KNOWN.includes(key) && !WITHOUT_EFFECT.includes(key)) {
      // A text with an @ may be the rest of a password whose question mark is not percent-encoded, so it is not repeated.
      const isName = /^\w{1,40}$/.test(key) && pair.includes('=') && !search.includes('@');
      throw new DatabaseUrlError(`has ${isName ? `the parameter ${key}, which is` : 'a parameter that is'} not known`);
    }
    // In `options`, many libraries encode a space as a plus sign. In other parameters a plus sign is literal.
    given.set(key, decode(key === 'options' ? value.replaceAll('+', ' ') : value, text));
  }
  refuseUnsupported(given);
  return given;
}

function refuseUnsupported(given: ReadonlyMap<string, string>): void {
  if (!/^(utf-?8|auto|unicode|)$/i.test(given.get('client_encoding') ?? '')) {
    throw new DatabaseUrlError('has a client_encoding other than UTF8');
  }
  readWord(given, 'gssencmode', ['disable', 'prefer']);
  readWord(given, 'load_balance_hosts', ['disable']);
}

function readWord<const Word extends string>(
  given: ReadonlyMap<string, string>,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const value = given.get(name) ?? '';
  if (value === '') return undefined;
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw new DatabaseUrlError(`has a ${name} other than ${words.join(', ')}`);
  return word;
}

function readSeconds(given: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = given.get(name) ?? '';
  if (value === '' || /^-?0+$|^-\d+$/.test(value)) return undefined;
  if (!/^\d{1,6}$/.test(value)) throw new DatabaseUrlError(`has a ${name} that is no number of seconds`);
  return Number(value) * 1000;
}

function readHost(host: string): string {
  if (host.includes(',')) throw new DatabaseUrlError('names more than one host');
  return host;
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new DatabaseUrlError('has a port that is not from 1 to 65535');
  return port;
}

const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

function readTlsMode(given: ReadonlyMap<string, string>): TlsMode {
  const mode = readWord(given, 'sslmode', [...TLS_MODES, 'no-verify']);
  const ssl = readWord(given, 'ssl', ['true', '1', 'false', '0', 'no-verify', ...TLS_MODES]);
  const asked = mode ?? (ssl === undefined ? process.env.PGSSLMODE : ssl);
  // As in libpq, `require` with a root certificate means `verify-ca`.
  const required = given.get('sslrootcert') ? 'verify-ca' : 'require';
  const direct = given.get('sslnegotiation') === 'direct';
  switch (asked) {
    case 'true':
    case '1':
    case 'require':
      return given.get('sslrootcert') === 'system' ? 'verify-full' : required;
    case 'no-verify':
      return 'require';
    case 'false':
    case '0':
      return 'disable';
    default: {
      const known = TLS_MODES.find((candidate) => candidate === asked);
      if (known === undefined) return direct ? required : 'allow';
      if (direct && ['disable', 'allow', 'prefer'].includes(known)) {
        throw new DatabaseUrlError('has sslnegotiation=direct, which needs an sslmode of require or stricter');
      }
      return known;
    }
  }
}

function readTlsVersion(given: ReadonlyMap<string, string>, name: string): string | undefined {
  return readWord(given, name, ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);
}

/** One `-c name=value` or `--name=value`. In the value, a backslash escapes a space. */
const SETTING_OPTION = /(?:^|\s)(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)(?=\s|$)/gs;

/**
 * Separates the settings from `options`, because poolers refuse `options` at the start of a session; the settings are made
 * afterwards. Other options stay, such as the project name that some providers expect.
 */
function readSessionOptions(given: ReadonlyMap<string, string>): Pick<DatabaseAddress, 'options' | 'settings'> {
  const settings: Record<string, string> = {};
  const rest = (given.get('options') || process.env.PGOPTIONS || '').replace(
    SETTING_OPTION,
    (_option, name: string, value: string) => {
      settings[name.replaceAll('-', '_')] = value.replace(/\\(.)/gs, '$1');
      return '';
    },
  );
  const schema = given.get('schema');
  if (schema) settings.search_path = `"${schema.replaceAll('"', '""')}"`;
  const application = given.get('application_name');
  if (application) settings.application_name = application;
  return { options: rest.trim() || undefined, settings };
}
