import type { ChangeFeedKind } from '../config/config.ts';
import { EXIT_CODE, StartError } from '../process/start-error.ts';
import type { Database } from './database.ts';
import { comparedTextMigration, TRIGGER_FUNCTIONS } from './migrations/index.ts';
import { MIGRATIONS_TABLE } from './orm.ts';

type TriggerFunction = keyof typeof TRIGGER_FUNCTIONS;

/** The number of triggers with each function that `follow_table()` makes on a table. */
const TRIGGERS: Readonly<Record<TriggerFunction, number>> = {
  stationmaster_count_version: 1,
  stationmaster_announce: 4,
};

const ANNOUNCING = 'stationmaster_announce';

interface Triggers {
  readonly table: string;
  readonly function: TriggerFunction;
  readonly body: string;
  readonly triggers: number;
  /** How many of them are switched off. */
  readonly disabled: number;
}

/** The tables of the entities. */
export function tablesOf({ orm }: Pick<Database, 'orm'>): string[] {
  return [...orm.getMetadata().getAll().values()].map(({ tableName }) => tableName);
}

/**
 * Makes sure that the changes of every entity's table are announced, and as this build understands it. Of a table that is not
 * followed the cache would never hear, and would serve its rows and lists until their time is over.
 * With `CHANGE_FEED=logical` the triggers that count versions are enough.
 * @throws {StartError} naming the tables that lack some of the triggers, or have them disabled; or the function of triggers
 *   that another one has replaced
 */
export async function requireFollowedTables(database: Database): Promise<void> {
  const tables = tablesOf(database);
  const found = await database.query<Triggers>(
    'followed-tables',
    `select t.name as table, p.proname as function, p.prosrc as body, count(*)::int as triggers,
        count(*) filter (where g.tgenabled = 'D')::int as disabled
      from unnest($1::text[]) t (name) join pg_trigger g on g.tgrelid = to_regclass(quote_ident(t.name))
        join pg_proc p on p.oid = g.tgfoid
      where p.proname = any($2::text[]) group by 1, 2, 3`,
    [tables, Object.keys(TRIGGER_FUNCTIONS)],
  );
  requireTriggers(tables, found, database.changeFeed);
  const replaced = found.find((triggers) => triggers.body !== TRIGGER_FUNCTIONS[triggers.function]);
  if (!replaced) return;
  const again = `delete from ${MIGRATIONS_TABLE} where name = '${comparedTextMigration.name}'`;
  const message = `The function ${replaced.function}() is not that of this build. To have it made again: ${again}; and start.`;
  throw new StartError(EXIT_CODE.badConfiguration, message);
}

function requireTriggers(tables: readonly string[], found: readonly Triggers[], changeFeed: ChangeFeedKind): void {
  const needsEnabled = (name: string) => changeFeed === 'notify' || name !== ANNOUNCING;
  const isFollowed = (table: string) =>
    Object.entries(TRIGGERS).every(([name, triggers]) =>
      found.some(
        (row) =>
          row.table === table &&
          row.function === name &&
          row.triggers === triggers &&
          (row.disabled === 0 || !needsEnabled(name)),
      ),
    );
  const missing = tables.filter((table) => !isFollowed(table));
  if (missing.length === 0) return;
  if (tables.every((table) => isSwitchedOff(table, found))) {
    const message =
      'The triggers that announce changes are switched off: set CHANGE_FEED=logical, as for the other instances, or run: ' +
      'select stationmaster_notify_changes(true);';
    throw new StartError(EXIT_CODE.badConfiguration, message);
  }
  const calls = missing.map((table) => `follow_table('${table}')`).join(' and ');
  const message = `Changes of ${missing.join(' and ')} are not announced to the cache: call ${calls} in a migration.`;
  throw new StartError(EXIT_CODE.badConfiguration, message);
}

function isSwitchedOff(table: string, found: readonly Triggers[]): boolean {
  const announcing = found.find((row) => row.table === table && row.function === ANNOUNCING);
  return announcing !== undefined && announcing.disabled === TRIGGERS[ANNOUNCING];
}
