import { createTextIndex, type NamedMigration, sqlMigration } from '../../database/migrations/index.ts';

/** What the lists of managers are ordered by has the collation "C", as that of the workstations. */
export const managerMigrations: readonly NamedMigration[] = [
  sqlMigration('20261130-manager-lists', {
    up: [
      'alter table manager alter column name type text collate "C", alter column email type text collate "C"',
      'create index manager_name_id on manager (name, id)',
      createTextIndex('manager_texts', 'manager', ['name', 'email']),
    ],
    down: [
      'drop index if exists manager_texts',
      'drop index manager_name_id',
      'alter table manager alter column name type text collate "default", alter column email type text collate "default"',
    ],
  }),
];
