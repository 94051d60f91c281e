import { sqlMigration } from './sql-migration.ts';

/**
 * Lets the instances hear of a restore at once. `pg_restore` makes tables and rows before it makes their triggers, so none of
 * that is announced. The last thing it does is to refresh materialized views, and what this one consists of is a notification.
 */
export const restoredMigration = sqlMigration('20261129-restored', {
  up: [
    `create materialized view stationmaster_restored as
      select pg_catalog.pg_notify('stationmaster_changes', '{"restored":true}')::text as told`,
  ],
  down: ['drop materialized view stationmaster_restored'],
});
