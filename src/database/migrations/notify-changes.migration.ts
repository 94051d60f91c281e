import { sqlMigration } from './sql-migration.ts';

/**
 * `select stationmaster_notify_changes(false)` switches the triggers off that announce changes, of all tables at once, for fleets
 * of instances that all run with `CHANGE_FEED=logical`; `true` switches them on. Writers wait meanwhile, and every instance hears
 * of it before any change that is not announced: it drops what it has cached, and one that depends on the triggers serves nothing
 * from its cache from then on.
 */
export const notifyChangesMigration = sqlMigration('20261203-notify-changes', {
  up: [
    `create function stationmaster_notify_changes(is_on boolean) returns void language plpgsql as $$
      declare
        announcing record;
      begin
        for announcing in
          select tgrelid::regclass as followed, tgname from pg_trigger
          where tgfoid = to_regproc('stationmaster_announce') order by tgrelid, tgname
        loop
          execute format('alter table %s %s trigger %I', announcing.followed,
            case when is_on then 'enable' else 'disable' end, announcing.tgname);
        end loop;
        perform pg_notify('stationmaster_changes', '{"restored":true}');
      end $$`,
  ],
  down: ['select stationmaster_notify_changes(true)', 'drop function stationmaster_notify_changes(boolean)'],
});
