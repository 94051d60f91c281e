import type { Duplex } from 'node:stream';
import { Client, type ClientConfig, escapeLiteral } from 'pg';
import { type DatabaseAddress, readDatabaseUrl } from '../../config/database-url.ts';
import { hasOutdatedPlan, READ_ONLY } from '../failures.ts';
import { DatabaseRefusal } from '../refusal.ts';
import { requireTlsFiles, TlsConnection } from './tls-connection.ts';

export interface SessionOptions {
  /** What the session calls itself in `pg_stat_activity`, unless the URL says otherwise. */
  readonly applicationName: string;
  /** How long opening the connection may take, unless the URL says so. */
  readonly connectTimeoutMs: number;
  /** Settings of the session, by name; they override those of the URL. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What `DatabaseClient` is made of. */
export interface Target {
  readonly address: DatabaseAddress;
  readonly settings: Readonly<Record<string, string>>;
  readonly connectTimeoutMs: number;
  /** Called before the connection is used, with what tells its server from all others, and from itself after a restart. */
  readonly onServer?: (server: string) => void;
}

/**
 * Everything a client has to know about a database: the one place where a database URL becomes a connection. Both pools,
 * the migrations and the change feed connect by it.
 * @throws {DatabaseUrlError} when the URL cannot be used, and as `requireTlsFiles`
 */
export function describeTarget(url: string, { applicationName, connectTimeoutMs, settings }: SessionOptions): Target {
  const address = readDatabaseUrl(url);
  requireTlsFiles(address);
  return {
    address,
    settings: { application_name: applicationName, ...address.settings, ...settings },
    connectTimeoutMs: address.connectTimeoutMs ?? connectTimeoutMs,
  };
}

export interface DatabaseClientConfig extends ClientConfig {
  readonly target: Target;
}

type Callback = ((error: Error) => void) | ((error: null, client: DatabaseClient) => void);

/**
 * A client of pg for a database of ours. Its `target` stands beside pg's own options, also among those of a pool.
 *
 * Little more than user and database is said at the start of the session: poolers refuse what they do not know, such as
 * `statement_timeout`, and some ignore it. Settings are made in one statement right after, and a connection is not open
 * before they are.
 */
export class DatabaseClient extends Client {
  readonly #target: Target;
  #isOnReadOnlyServer = false;
  #hasOutdatedPlan = false;
  #server: string | undefined;

  constructor(config?: ClientConfig) {
    const { target, ...rest } = config as DatabaseClientConfig;
    const { host, port, user, password, database, options, channelBinding } = target.address;
    const connection = new TlsConnection(target.address);
    super({
      ...rest,
      ...{ host, port, user, password, database, options, connection },
      // Also among the settings. Poolers know it, and what they log of a session shows it from its beginning.
      application_name: target.settings.application_name,
      connectionTimeoutMillis: target.connectTimeoutMs,
      // The connection itself sees to it.
      ssl: false,
      enableChannelBinding: channelBinding !== 'disable',
    } as ClientConfig);
    this.#target = target;
    connection.on('errorMessage', (error: { code?: string; message?: string }) => {
      if (error.code === READ_ONLY) this.#isOnReadOnlyServer = true;
      if (hasOutdatedPlan(error)) this.#hasOutdatedPlan = true;
    });
    // Whoever waits for an answer is told as well; while there is no one, there may be no listener either.
    this.on('error', () => {});
  }

  override connect(): Promise<DatabaseClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<DatabaseClient> | undefined {
    const opened = this.#open();
    if (!callback) return opened;
    opened.then(
      (client) => (callback as (error: null, client: DatabaseClient) => void)(null, client),
      callback as (error: Error) => void,
    );
    return undefined;
  }

  async #open(): Promise<DatabaseClient> {
    await super.connect();
    try {
      const { rows } = await this.query<{ is_in_recovery: boolean; server: string }>({
        text: describeSettings(this.#target.settings),
        query_timeout: this.#target.connectTimeoutMs,
      } as { text: string });
      if (rows[0]?.is_in_recovery) throw new StandbyError();
      this.#server = rows[0]?.server;
      if (this.#server !== undefined) this.#target.onServer?.(this.#server);
      return this;
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Tells the server from all others, and from itself after a restart. `undefined` before the connection is open. */
  get server(): string | undefined {
    return this.#server;
  }

  /**
   * Whether a statement was refused that would succeed over another connection: because the server only reads, after a
   * failover, or because the session has a plan for columns that were altered.
   */
  get isOutdated(): boolean {
    return this.#isOnReadOnlyServer || this.#hasOutdatedPlan;
  }

  /** Closes the connection without a word to the server, which may not be listening any more. */
  destroy(): void {
    this.end().catch(() => {});
    this.stream.destroy();
  }

  /** What the server's messages arrive on. */
  get stream(): Duplex {
    return (this as unknown as { readonly connection: { readonly stream: Duplex } }).connection.stream;
  }
}

/** A role or database may switch triggers off, and with them announcements. Fails where this session may not switch them on. */
const FIRES_TRIGGERS = `case current_setting('session_replication_role') when 'replica'
    then set_config('session_replication_role', 'origin', false) end`;

/** In one piece without parameters: a pooler need not keep anything of it between two messages. */
function describeSettings(settings: Readonly<Record<string, string>>): string {
  const made = Object.entries(settings).map(
    ([name, value]) => `set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, false)`,
  );
  return `select pg_is_in_recovery() as is_in_recovery,
    extract(epoch from pg_postmaster_start_time())::text as server, ${[...made, FIRES_TRIGGERS].join(', ')}`;
}

/**
 * A standby neither takes writes nor delivers notifications, and what is read there may be old. After a failover the same
 * address leads to the primary.
 */
class StandbyError extends DatabaseRefusal {
  readonly code = READ_ONLY;

  constructor() {
    super('DATABASE_URL leads to a standby, which only reads: the server needs the primary.');
  }
}
