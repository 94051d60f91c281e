import { createHash } from 'node:crypto';
import { StartError } from '../process/start-error.ts';
import type { Database } from './database.ts';
import { requireFollowedTables, tablesOf } from './followed-tables.ts';
import { PUBLISHED_FACTS } from './publication.ts';
import { type Query, queryIfPermitted, SYSTEM_IDENTIFIER } from './query.ts';
import { DatabaseRefusal } from './refusal.ts';

/** What of an announcement tells which history of the rows it belongs to. Older triggers say no more than the table. */
export interface TableOrigin {
  readonly table: string;
  readonly schema?: string | undefined;
  /** The oid of the table. */
  readonly relid?: number | undefined;
}

/** The same of any message; that of an echo are the facts of `FACTS_DIGEST`, as its sender saw them. */
export type Origin = Partial<TableOrigin> & { readonly facts?: string | undefined };

/**
 * What stays the same for as long as versions rise and changes are announced: the server, the database, the schema, the
 * tables, their triggers, the functions of the triggers, what is published for logical decoding, and the columns, whose values
 * may change with their types without an announcement. Each of these rows of the catalog is written anew, with another
 * `xmin`, when a trigger is disabled or enabled, a function replaced or a column altered.
 */
const FACTS = `
  select json_build_array(
    extract(epoch from pg_postmaster_start_time())::text,
    (select oid::int8 from pg_database where datname = current_database()),
    current_schema(),
    (select json_agg(json_build_array(t.name, to_regclass(quote_ident(t.name))::oid::int8, (
        select string_agg(concat_ws(' ', g.oid, g.xmin, g.tgenabled, g.tgfoid), ',' order by g.oid)
        from pg_trigger g where g.tgrelid = to_regclass(quote_ident(t.name)) and not g.tgisinternal
      ), (
        select string_agg(concat_ws(' ', a.attnum, a.xmin), ',' order by a.attnum)
        from pg_attribute a where a.attrelid = to_regclass(quote_ident(t.name)) and a.attnum > 0
      ), (select c.relreplident from pg_class c where c.oid = to_regclass(quote_ident(t.name)))) order by t.name) from unnest($1::text[]) t (name)),
    (select string_agg(concat_ws(' ', p.oid, p.xmin), ',' order by p.oid) from pg_proc p
      where p.pronamespace = to_regnamespace(quote_ident(current_schema())) and p.proname like 'stationmaster\\_%'),
    ${PUBLISHED_FACTS}
  )::text`;

/** Gives a digest of the facts as the session sees them that runs it; `$1` are the names of the tables. */
export const FACTS_DIGEST = `encode(sha256(convert_to((${FACTS}), 'UTF8')), 'hex')`;

type Facts = readonly [server: string, database: number, schema: string, tables: [name: string, oid: number | null][]];

/**
 * One history of the rows: within it versions rise, and every change is announced. A restore, a failover or a migration begins
 * another one, of which nothing that was cached may be used.
 */
export class Lineage {
  readonly tables: readonly string[];
  readonly #database: Database;
  readonly #requireReadable: (database: Database) => Promise<void>;
  #text: string | undefined;
  #digest = '';
  #schema = '';
  #oids: ReadonlyMap<string, number | null> = new Map();
  #id = '';

  /** @param requireReadable throws a `StartError` when the tables are not what rows are read as */
  constructor(database: Database, requireReadable: (database: Database) => Promise<void>) {
    this.#database = database;
    this.#requireReadable = requireReadable;
    this.tables = tablesOf(database);
  }

  /** Tells it from all others, and is the same on every instance and after each restart. Empty before `accept`. */
  get id(): string {
    return this.#id;
  }

  /** The schema of the tables. Empty before `accept`. */
  get schema(): string {
    return this.#schema;
  }

  /**
   * Takes what is found on a new connection for the lineage from now on.
   * @throws {DatabaseRefusal} when changes are not announced there, or rows cannot be read
   */
  async accept(query: Query): Promise<void> {
    const text = await this.#read(query);
    if (text === this.#text) return;
    await requireFollowedTables(this.#database).catch(refuse);
    await this.#requireReadable(this.#database).catch(refuse);
    const [, , schema, tables] = JSON.parse(text) as Facts;
    this.#id = await identify(query, text);
    // The plans of open connections are those of other tables.
    if (this.#text !== undefined) this.#database.servers.replaceAll();
    this.#schema = schema;
    this.#oids = new Map(tables);
    this.#digest = createHash('sha256').update(text).digest('hex');
    this.#text = text;
  }

  /** @throws {DatabaseRefusal} when it has ended */
  async confirm(query: Query): Promise<void> {
    if ((await this.#read(query)) !== this.#text) throw lineageEnded();
  }

  /** Whether an announcement or an echo belongs to another one. */
  isForeign({ table, schema, relid, facts }: Origin): boolean {
    if (facts !== undefined) return facts !== this.#digest;
    if (table === undefined || relid === undefined || schema !== this.#schema) return false;
    return this.#oids.has(table) && this.#oids.get(table) !== relid;
  }

  async #read(query: Query): Promise<string> {
    const { rows } = await query(`select (${FACTS}) as facts`, [this.tables]);
    return (rows as { readonly facts: string }[])[0]!.facts;
  }
}

export function lineageEnded(): DatabaseRefusal {
  return new DatabaseRefusal(
    'The server, or the tables with their columns and triggers, were changed, as in a failover, a restore or a migration.',
  );
}

/** @throws {DatabaseRefusal} in place of a `StartError` */
export function refuse(error: unknown): never {
  throw error instanceof StartError ? new DatabaseRefusal(error.message, { cause: error }) : error;
}

/** Where the server is, and of which cluster and timeline: a copy of the files that another server runs has the same tables. */
async function identify(query: Query, facts: string): Promise<string> {
  const place = await query('select inet_server_addr()::text as address, inet_server_port() as port');
  const details = [
    await queryIfPermitted(query, SYSTEM_IDENTIFIER),
    await queryIfPermitted(query, 'select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline'),
  ];
  // The first fact is of one run of the server only.
  const [, ...lasting] = JSON.parse(facts) as Facts;
  const text = JSON.stringify([place.rows, details, lasting]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
