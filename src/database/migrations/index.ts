import { ChangesMigration } from './migration-20261122-changes.ts';
import { FleetMigration } from './migration-20261122-fleet.ts';

/** In the order in which they run. A migration that has been released is never edited. */
export const migrations = [
  { name: '20261122-fleet', class: FleetMigration },
  { name: '20261122-changes', class: ChangesMigration },
];
