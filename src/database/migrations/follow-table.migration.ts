import { sqlMigration } from './sql-migration.ts';

export const FOLLOW_TABLE = `create function follow_table(name text) returns void language plpgsql as $$
    begin
      execute format('create trigger %I before update on %I
        for each row execute function stationmaster_count_version()', name || '_count_version', name);
      execute format('create trigger %I after insert on %I referencing new table as new_rows
        for each statement execute function stationmaster_announce()', name || '_announce_insert', name);
      execute format('create trigger %I after update on %I
        referencing old table as old_rows new table as new_rows
        for each statement execute function stationmaster_announce()', name || '_announce_update', name);
      execute format('create trigger %I after delete on %I referencing old table as old_rows
        for each statement execute function stationmaster_announce()', name || '_announce_delete', name);
      execute format('create trigger %I after truncate on %I
        for each statement execute function stationmaster_announce()', name || '_announce_truncate', name);
    end $$`;

/**
 * `follow_table('room')` makes the triggers by which the rows of a table count their versions and announce their changes,
 * as those of all tables have to that a collection reads: see `changes.migration.ts`. The table has the columns `id`,
 * `updated_at` and `version` of `base.entity.ts`. Dropping the table drops its triggers.
 */
export const followTableMigration = sqlMigration('20261123-follow-table', {
  up: [FOLLOW_TABLE],
  down: ['drop function follow_table(text)'],
});
