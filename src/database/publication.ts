import { escapeIdentifier } from 'pg';
import { EXIT_CODE, INSUFFICIENT_PRIVILEGE, StartError } from '../process/start-error.ts';
import type { Query } from './query.ts';

/** Names the publication of the schema. Names of PostgreSQL end after 63 bytes. */
const NAME = `left('stationmaster_' || current_schema(), 63)`;

/** What of the publication decides which changes are decoded, as the catalog identifies it. */
export const PUBLISHED_FACTS = `(select string_agg(concat_ws(' ', p.oid, p.xmin, r.oid, r.xmin), ',' order by r.oid)
  from pg_publication p left join pg_publication_rel r on r.prpubid = p.oid where p.pubname = ${NAME})`;

/** Any number will do, as long as every instance uses the same. */
const PUBLICATION_LOCK = 7_239_462;

// A row filter and a list of columns, since PostgreSQL 15, would leave out changes and values.
const STATE = `select ${NAME} as name, current_setting('wal_level') as wal_level, current_user as role,
    p.oid is not null and p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate as is_there,
    array(select t.name from unnest($1::text[]) t (name)
      join pg_class c on c.oid = to_regclass(quote_ident(t.name)) where c.relreplident <> 'f') as without_identity,
    array(select t.name from unnest($1::text[]) t (name) where not coalesce(p.puballtables, false) and not exists (
      select from pg_publication_rel r where r.prpubid = p.oid and r.prrelid = to_regclass(quote_ident(t.name))
        and to_jsonb(r) ->> 'prqual' is null and to_jsonb(r) ->> 'prattrs' is null)) as missing
  from (select) here left join pg_publication p on p.pubname = ${NAME}`;

interface State {
  readonly name: string;
  readonly wal_level: string;
  readonly role: string;
  readonly is_there: boolean;
  readonly without_identity: readonly string[];
  readonly missing: readonly string[];
}

/**
 * Makes sure that logical decoding gives every change of the tables, with the whole row before it, and returns the name of the
 * publication. What is missing is created, if the role may.
 * @throws {StartError} which says what an operator has to do
 */
export async function preparePublication(query: Query, tables: readonly string[]): Promise<string> {
  const state = await readState(query, tables);
  if (state.wal_level !== 'logical') {
    const message = `CHANGE_FEED=logical needs wal_level = logical, and it is ${state.wal_level}: change it in postgresql.conf and restart PostgreSQL.`;
    throw new StartError(EXIT_CODE.badConfiguration, message);
  }
  const missing = statementsFor(state, tables);
  if (missing.length === 0) return state.name;
  // In one transaction, and one instance after the other.
  await query(`do $do$ begin
    perform pg_advisory_xact_lock(${PUBLICATION_LOCK});
    if not exists (select from pg_publication where pubname = ${NAME}) then
      execute format('create publication %I', ${NAME});
    end if;
    ${missing
      .filter((statement) => !statement.startsWith('create'))
      .map((statement) => `${statement};`)
      .join('\n')}
  end $do$`).catch((error) => explain(error, state, missing));
  return state.name;
}

async function readState(query: Query, tables: readonly string[]): Promise<State> {
  const { rows } = await query(STATE, [tables]);
  return (rows as State[])[0]!;
}

function statementsFor({ name, is_there, missing, without_identity }: State, tables: readonly string[]): string[] {
  const publication = escapeIdentifier(name);
  const statements = without_identity.map((table) => `alter table ${escapeIdentifier(table)} replica identity full`);
  if (is_there && missing.length === 0) return statements;
  const all = tables.map(escapeIdentifier).join(', ');
  return [
    ...statements,
    `create publication ${publication} for table ${all}`,
    `alter publication ${publication} set table ${all}`,
    `alter publication ${publication} set (publish = 'insert, update, delete, truncate')`,
  ];
}

function explain(error: unknown, { role }: State, statements: readonly string[]): never {
  if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error;
  const run = statements.filter((statement) => !statement.startsWith('alter publication')).join('; ');
  const message = `The role "${role}" may not publish the tables. Run as their owner: ${run};`;
  throw new StartError(EXIT_CODE.rightMissing, message, { cause: error });
}
