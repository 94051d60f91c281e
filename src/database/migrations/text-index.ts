/**
 * The statement that indexes the columns for `contains`, by the trigrams of their texts. The extension pg_trgm comes with
 * PostgreSQL, and every role with the CREATE privilege on the database can create it. Without it the filters read the whole table, so its
 * absence is no reason to refuse the migration: the embedded database has none.
 *
 * Entries are not collected in a list of pending ones, which each search would read until the next vacuum: texts are edited
 * rarely. The expression has to be that of the filter's SQL (`src/collections/definition/filters.ts`).
 */
export function createTextIndex(name: string, table: string, columns: readonly string[]): string {
  const expressions = columns.map((column) => `lower(${column} collate "C") %1$I.gin_trgm_ops`);
  return `
    do $$
    declare
      home name;
    begin
      begin
        create extension if not exists pg_trgm;
      exception when others then
        raise notice 'Text filters have no index: %', sqlerrm;
      end;
      -- Another schema than that of the tables, if another program created it.
      select nspname into home from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'pg_trgm';
      if home is not null then
        execute format('create index ${name} on ${table} using gin (${expressions.join(', ')}) with (fastupdate = off)', home);
      end if;
    exception when insufficient_privilege then
      raise notice 'Text filters have no index: %', sqlerrm;
    end
    $$`;
}
