import { announcementsMigration } from './announcements.migration.ts';
import { comparedTextMigration } from './compared-text.migration.ts';
import { followTableMigration } from './follow-table.migration.ts';
import { notifyChangesMigration } from './notify-changes.migration.ts';
import { restoredMigration } from './restored.migration.ts';
import { rowVersionMigration } from './row-version.migration.ts';
import type { NamedMigration } from './sql-migration.ts';

export { changesMigration } from './changes.migration.ts';
export { comparedTextMigration, TRIGGER_FUNCTIONS } from './compared-text.migration.ts';
export { type NamedMigration, sqlMigration } from './sql-migration.ts';
export { createTextIndex } from './text-index.ts';

/**
 * The migrations of the features and those that belong to no feature, in the order in which they run: by the date that
 * their names begin with. Those of one feature and one date keep their order.
 */
export function inOrder(ofFeatures: readonly NamedMigration[]): NamedMigration[] {
  const ofNone = [
    followTableMigration,
    restoredMigration,
    announcementsMigration,
    rowVersionMigration,
    comparedTextMigration,
    notifyChangesMigration,
  ];
  return [...ofFeatures, ...ofNone].sort((a, b) => dateOf(a) - dateOf(b));
}

function dateOf({ name }: NamedMigration): number {
  return Number(name.slice(0, 8));
}
