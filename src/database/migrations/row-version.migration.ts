import { ANNOUNCING_FUNCTIONS, announceAnything, createTriggerFunctions } from './announcements.migration.ts';
import { FOLLOW_TABLE } from './follow-table.migration.ts';
import { sqlMigration } from './sql-migration.ts';

// Names are qualified instead of setting a search path, which would cost time for each row.
const COUNT_BOTH = `
  declare
    reported constant text[] := pg_catalog.string_to_array(coalesce(tg_argv[0], ''), ',');
    shared constant text[] := pg_catalog.string_to_array(coalesce(tg_argv[1], ''), ',');
    before jsonb;
    after jsonb;
    is_edit boolean := false;
  begin
    if tg_op operator(pg_catalog.=) 'INSERT' then
      new.row_version := (extract(epoch from pg_catalog.clock_timestamp()) operator(pg_catalog.*) 1000000)::bigint;
      return new;
    end if;
    if new.id operator(pg_catalog.<>) old.id then
      raise exception 'The id of a % never changes.', tg_table_name using errcode = 'check_violation';
    end if;
    new.row_version := old.row_version;
    if pg_catalog.current_setting('stationmaster.is_report', true) is distinct from 'on' then
      before := pg_catalog.to_jsonb(old);
      after := pg_catalog.to_jsonb(new);
      is_edit := (before operator(pg_catalog.-) reported) operator(pg_catalog.<>) (after operator(pg_catalog.-) reported);
      if is_edit and shared operator(pg_catalog.<>) '{}' then
        before := before operator(pg_catalog.-) shared;
        after := after operator(pg_catalog.-) shared;
        is_edit := before operator(pg_catalog.=) after
          or (before operator(pg_catalog.-) reported) operator(pg_catalog.<>) (after operator(pg_catalog.-) reported);
      end if;
    end if;
    new.row_version := old.row_version operator(pg_catalog.+) 1;
    new.version := old.version;
    new.updated_at := old.updated_at;
    if is_edit then
      new.version := old.version operator(pg_catalog.+) 1;
      new.updated_at := pg_catalog.clock_timestamp();
    end if;
    return new;
  end `;

/** As of this migration. */
export const ROW_VERSION_FUNCTIONS = { count: COUNT_BOTH, announce: announceAnything('row_version') };

const FOLLOWED = `select tgrelid from pg_trigger where tgfoid = to_regproc('stationmaster_count_version')`;

/**
 * Gives each row a version of its own, `row_version`, which rises with every update and orders the states of the row; it is
 * the `version` of announcements. `version` and `updated_at` are for people: they rise with edits only.
 *
 * An update is an edit if it changes a column that no report writes, or sets `version`, which it cannot choose but by which it
 * says that it is an edit. `follow_table('room', reported, shared)` names the columns that reports write. A change of a `shared`
 * one, which people write as well, is an edit if no `reported` column changes with it. A statement can say that it is
 * a report: `set_config('stationmaster.is_report', 'on', true)`.
 *
 * A new row begins with the time in microseconds, so that one that is inserted under the id of a deleted row has a higher row
 * version than that ever had. The rows that are there begin with the version they have. The table is written anew for that,
 * without its triggers.
 */
export const rowVersionMigration = sqlMigration('20261129-row-version', {
  up: [
    ...createTriggerFunctions(ROW_VERSION_FUNCTIONS),
    'drop function if exists follow_table(text)',
    `create or replace function follow_table(name text, reported text[] default '{}', shared text[] default '{}')
      returns void language plpgsql as $$
      declare
        columns text := '';
      begin
        if reported <> '{}' then
          columns := format('%L, %L', array_to_string(reported, ','), array_to_string(shared, ','));
        end if;
        if not exists (select from pg_attribute where attrelid = name::regclass and attname = 'row_version') then
          execute format('alter table %I add column row_version bigint not null default 1', name);
          execute format('alter table %I alter row_version type bigint using version', name);
        end if;
        execute format('create or replace trigger %I before insert or update on %I
          for each row execute function stationmaster_count_version(%s)', name || '_count_version', name, columns);
        execute format('create or replace trigger %I after insert on %I referencing new table as new_rows
          for each statement execute function stationmaster_announce()', name || '_announce_insert', name);
        execute format('create or replace trigger %I after update on %I
          referencing old table as old_rows new table as new_rows
          for each statement execute function stationmaster_announce()', name || '_announce_update', name);
        execute format('create or replace trigger %I after delete on %I referencing old table as old_rows
          for each statement execute function stationmaster_announce()', name || '_announce_delete', name);
        execute format('create or replace trigger %I after truncate on %I
          for each statement execute function stationmaster_announce()', name || '_announce_truncate', name);
      end $$`,
    `select follow_table(relname) from pg_class where oid in (${FOLLOWED})
      and oid not in (select attrelid from pg_attribute where attname = 'row_version')`,
  ],
  down: [
    'drop function follow_table(text, text[], text[])',
    FOLLOW_TABLE,
    ...createTriggerFunctions(ANNOUNCING_FUNCTIONS),
    `do $$
      declare
        followed regclass;
      begin
        for followed in ${FOLLOWED} loop
          execute format('alter table %s drop column row_version', followed);
          execute format('create or replace trigger %I before update on %s
            for each row execute function stationmaster_count_version()',
            (select relname from pg_class where oid = followed) || '_count_version', followed);
        end loop;
      end $$`,
  ],
});
