import { existsSync, readFileSync } from 'node:fs';
import { isIP, Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls, type PeerCertificate } from 'node:tls';
import { Connection } from 'pg';
import type { DatabaseAddress } from '../../config/database-url.ts';
import { EXIT_CODE, StartError } from '../../process/start-error.ts';

/** What a client says first. */
interface StartupParameters {
  readonly user?: string;
  readonly database?: string;
  readonly application_name?: string;
  readonly options?: string;
}

/** The parts of pg's connection that its types leave out. */
interface Internals {
  stream: Duplex & { setNoDelay?(noDelay: boolean): void };
  _connecting: boolean;
  _ending: boolean;
  attachListeners(stream: Duplex): void;
  requestSsl(): void;
}

/** What PostgreSQL answers a request for TLS with. */
const TLS_ACCEPTED = 'S';
const TLS_DECLINED = 'N';

const { startup: startUp } = Connection.prototype as unknown as { startup(parameters: StartupParameters): void };

/**
 * A connection to PostgreSQL that is encrypted as libpq would encrypt it.
 *
 * pg knows only encryption that must succeed and verifies the server. Here `prefer` goes on without TLS where the server
 * has none, and `allow` begins without and tries again with it where the server insists.
 */
export class TlsConnection extends Connection {
  readonly #address: DatabaseAddress;
  #dial: (socket: Socket) => void = () => {};
  #encrypts = false;
  /** Whether the other way is to be tried when the server lets no one in as the connection is. */
  #mayFallBack = false;
  /** What the server said to the first attempt, which tells more than that it has no TLS either. */
  #refusal: ServerMessage | null = null;
  #isNamed = true;
  #isBound = false;
  #isAuthenticated = false;

  constructor(address: DatabaseAddress) {
    super();
    this.#address = address;
  }

  /** pg calls it with a port and a host, or with the path of a socket. */
  connect(target: number | string, host?: string): void {
    const { hostAddress, tls } = this.#address;
    const isLocal = typeof target === 'string';
    this.#dial = (socket) => (isLocal ? socket.connect(target) : socket.connect(target, hostAddress ?? host!));
    this.#encrypts = !isLocal && tls.mode !== 'disable' && tls.mode !== 'allow';
    this.#mayFallBack = !isLocal && (tls.mode === 'allow' || tls.mode === 'prefer');
    const internals = this.#internals();
    internals._connecting = true;
    this.#open(internals.stream as Socket);
  }

  /** As pg's own, without the name of the application where that was refused. */
  startup(parameters: StartupParameters): void {
    const { application_name: _name, ...nameless } = parameters;
    startUp.call(this, this.#isNamed ? parameters : nameless);
  }

  override emit(event: string | symbol, argument?: unknown): boolean {
    if (!this.#isAuthenticated && this.#settles(event, argument as ServerMessage)) return true;
    return super.emit(event, argument);
  }

  /** Whether what came before the server let anyone in is dealt with here. */
  #settles(event: string | symbol, message: ServerMessage): boolean {
    if (this.#address.channelBinding === 'require' && this.#lacksChannelBinding(event, message)) {
      this.#fail(NO_CHANNEL_BINDING);
      return true;
    }
    if (event === 'authenticationOk') this.#isAuthenticated = true;
    if (event === 'errorMessage' && this.#isNamed && isAboutName(message)) {
      this.#isNamed = false;
      this.#openAgain();
    } else if (event === 'errorMessage' && this.#mayFallBack && isAboutEncryption(message)) {
      this.#refusal = message;
      this.#fallBack();
    } else {
      return false;
    }
    return true;
  }

  /** Whether the server lets the client in without having proved that it ends the encryption itself. */
  #lacksChannelBinding(event: string | symbol, { mechanisms }: ServerMessage = {}): boolean {
    if (event === 'authenticationSASL') this.#isBound = mechanisms?.includes('SCRAM-SHA-256-PLUS') === true;
    return LETTING_IN.has(event) && !this.#isBound;
  }

  #fallBack(): void {
    this.#mayFallBack = false;
    this.#encrypts = !this.#encrypts;
    this.#openAgain();
  }

  #openAgain(): void {
    this.#internals().stream.destroy();
    this.#open(new Socket());
  }

  #open(socket: Socket): void {
    this.#use(socket);
    socket.once('connect', () => {
      if (this.#encrypts) this.#negotiate(socket);
      else this.#begin(socket);
    });
    this.#dial(socket);
    socket.setNoDelay(true);
    if (this.#address.keepAlive) socket.setKeepAlive(true, this.#address.keepAliveIdleMs ?? KEEP_ALIVE_IDLE_MS);
  }

  /** Makes `stream` the one that counts: what happens to those before it is not told any more. */
  #use(stream: Duplex): void {
    const internals = this.#internals();
    internals.stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (internals.stream !== stream) return;
      if (internals._ending && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
      this.emit('error', error);
    });
    stream.on('close', () => {
      if (internals.stream === stream) this.emit('end');
    });
  }

  #begin(stream: Duplex): void {
    this.#internals().attachListeners(stream);
    this.emit('connect');
  }

  #negotiate(socket: Socket): void {
    if (this.#address.tls.isDirect) {
      this.#encrypt(socket);
      return;
    }
    socket.once('data', (answer) => {
      const letter = answer.toString('latin1', 0, 1);
      // Whatever follows it would be read as if it had been encrypted.
      if (letter === TLS_ACCEPTED && answer.length === 1) this.#encrypt(socket);
      else if (letter === TLS_DECLINED && this.#mayFallBack) this.#goOnPlain(socket);
      else if (this.#mayFallBack) this.#fallBack();
      else this.#fail(letter === TLS_DECLINED ? NO_TLS : 'The server did not answer a request for TLS.');
    });
    this.#internals().requestSsl();
  }

  #goOnPlain(socket: Socket): void {
    this.#mayFallBack = false;
    this.#encrypts = false;
    this.#begin(socket);
  }

  #encrypt(socket: Socket): void {
    let options: ConnectionOptions;
    try {
      options = describeTls(this.#address);
    } catch (error) {
      this.emit('error', error);
      socket.destroy();
      return;
    }
    const secured = connectTls({ ...options, socket });
    const onFailure = () => {
      if (this.#mayFallBack) this.#fallBack();
    };
    // Before the listener that tells of it.
    secured.prependOnceListener('error', onFailure);
    this.#use(secured);
    secured.once('secureConnect', () => {
      secured.off('error', onFailure);
      this.#begin(secured);
    });
  }

  #fail(message: string): void {
    if (this.#refusal) this.emit('errorMessage', this.#refusal);
    else this.emit('error', new Error(message));
    this.#internals().stream.destroy();
  }

  #internals(): Internals {
    return this as unknown as Internals;
  }
}

/** As pg says it. */
const NO_TLS = 'The server does not support SSL connections';
const NO_CHANNEL_BINDING = 'The server does not support channel binding';

/** Sooner than what stands in between forgets a silent connection. */
const KEEP_ALIVE_IDLE_MS = 30_000;

/** The messages by which a client is let in, or is to prove who it is. */
const LETTING_IN = new Set<string | symbol>([
  'authenticationSASL',
  'authenticationCleartextPassword',
  'authenticationMD5Password',
  'authenticationOk',
]);

interface ServerMessage {
  readonly code?: string;
  readonly message?: string;
  readonly mechanisms?: readonly string[];
}

/** Whether the server refuses because of what encrypts the connection, or does not: in its `pg_hba.conf`, or as PgBouncer. */
function isAboutEncryption({ code, message = '' }: ServerMessage): boolean {
  return code === '28000' || /\b(SSL|TLS) (is )?required\b/i.test(message);
}

/** Whether a pooler does not take the name of the application at the start of a session. */
function isAboutName({ message = '' }: ServerMessage): boolean {
  return /startup parameter.*\bapplication_name\b/i.test(message);
}

function describeTls({ host, tls }: DatabaseAddress): ConnectionOptions {
  const { mode, minVersion, maxVersion, keyPassword } = tls;
  const roots =
    tls.rootCertificates === 'system' ? undefined : readPem('sslrootcert', tls.rootCertificates, 'root.crt');
  const certificate = readPem('sslcert', tls.certificate, 'postgresql.crt');
  const key = certificate && readPem('sslkey', tls.key, 'postgresql.key');
  const revocations = readPem('sslcrl', tls.revocations, 'root.crl');
  // As libpq does where there are root certificates in its usual place.
  const verifies = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && roots !== undefined);
  return {
    host,
    ...(tls.sendsServerName && isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: verifies,
    ...(mode !== 'verify-full' && { checkServerIdentity: acceptAnyName }),
    ...(roots && { ca: roots }),
    ...(certificate && { cert: certificate }),
    ...(key && { key }),
    ...(keyPassword && { passphrase: keyPassword }),
    ...(revocations && verifies && { crl: revocations }),
    ...(minVersion && { minVersion: minVersion as ConnectionOptions['minVersion'] }),
    ...(maxVersion && { maxVersion: maxVersion as ConnectionOptions['maxVersion'] }),
    ...(tls.isDirect && { ALPNProtocols: ['postgresql'] }),
  };
}

/** @throws {StartError} when a file that the address names cannot be read, or the system's error when it is not there */
export function requireTlsFiles(address: DatabaseAddress): void {
  if (address.tls.mode !== 'disable') describeTls(address);
}

function acceptAnyName(_host: string, _certificate: PeerCertificate): undefined {}

/** The file that a parameter names, or the one that libpq looks for where there is none. Read anew for each connection. */
function readPem(parameter: string, path: string | undefined, usualName: string): Buffer | undefined {
  const usual = join(homedir(), '.postgresql', usualName);
  if (path === undefined && !existsSync(usual)) return undefined;
  try {
    return readFileSync(path ?? usual);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw error;
    const message = `The file of ${parameter} in DATABASE_URL cannot be read (${code}: ${path ?? usual}).`;
    throw new StartError(EXIT_CODE.badConfiguration, message, { cause: error });
  }
}
