import { announceAnything, createTriggerFunctions } from './announcements.migration.ts';
import { ROW_VERSION_FUNCTIONS } from './row-version.migration.ts';
import { sqlMigration } from './sql-migration.ts';

// The JSON of both rows has the same keys in the same order, because they are rows of one table.
const COMPARED_AS_TEXT = {
  forms: 'to_json(o) as before',
  differing: `rows from (json_each(before), json_each(whole)) was (key, value, same_key, new_value)
            where was.value::text <> was.new_value::text`,
};

const FUNCTIONS = {
  count: ROW_VERSION_FUNCTIONS.count,
  announce: announceAnything('row_version', COMPARED_AS_TEXT),
};

/** The bodies of the trigger functions, by name. */
export const TRIGGER_FUNCTIONS = {
  stationmaster_count_version: FUNCTIONS.count,
  stationmaster_announce: FUNCTIONS.announce,
};

/**
 * Finds the columns that an update changes by comparing the JSON that is announced anyway, instead of binary JSON of both rows.
 * Announcements stay as they are.
 */
export const comparedTextMigration = sqlMigration('20261202-compared-text', {
  up: createTriggerFunctions(FUNCTIONS),
  down: createTriggerFunctions(ROW_VERSION_FUNCTIONS),
});
