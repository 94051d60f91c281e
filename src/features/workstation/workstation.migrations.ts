import {
  changesMigration,
  createTextIndex,
  type NamedMigration,
  sqlMigration,
} from '../../database/migrations/index.ts';

/**
 * The tables of managers and workstations. Text that lists are ordered by has the collation "C", so that its order is the same on every machine
 * and can be computed without asking the database. Timestamps have millisecond precision, so that a cursor can carry
 * them exactly. Columns that telemetry writes have no index: PostgreSQL can then update rows in place (HOT).
 */
const FLEET = sqlMigration('20261122-fleet', {
  up: [
    // UUID version 7 (RFC 9562, 5.7): 48 bits of Unix time in milliseconds, then version, variant and random bits.
    `
    create function uuid_v7() returns uuid language sql volatile as $$
      select encode(
        set_bit(set_bit(
          overlay(uuid_send(gen_random_uuid())
            placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
            from 1 for 6),
          52, 1), 53, 1),
        'hex')::uuid
    $$`,
    `
    create table manager (
      id uuid primary key default uuid_v7(),
      name text not null check (char_length(name) between 1 and 200),
      email text not null constraint manager_email_unique unique check (char_length(email) between 3 and 320),
      created_at timestamptz(3) not null default clock_timestamp() check (isfinite(created_at)),
      updated_at timestamptz(3) not null default clock_timestamp() check (isfinite(updated_at)),
      version int not null default 1
    )`,
    'create index manager_created_at_id on manager (created_at, id)',
    `
    create table workstation (
      id uuid primary key default uuid_v7(),
      name text collate "C" not null
        constraint workstation_name_unique unique check (char_length(name) between 1 and 200),
      hostname text not null check (char_length(hostname) between 1 and 253),
      ip_address inet not null check (masklen(ip_address) = case family(ip_address) when 4 then 32 else 128 end),
      operating_system text not null check (char_length(operating_system) >= 1),
      status text collate "C" not null default 'OFFLINE'
        check (status in ('ONLINE', 'OFFLINE', 'MAINTENANCE', 'ERROR')),
      cpu_usage double precision check (cpu_usage between 0 and 100),
      memory_usage double precision check (memory_usage between 0 and 100),
      disk_usage double precision check (disk_usage between 0 and 100),
      last_seen_at timestamptz(3) check (isfinite(last_seen_at)),
      manager_id uuid references manager (id) on delete set null,
      created_at timestamptz(3) not null default clock_timestamp() check (isfinite(created_at)),
      updated_at timestamptz(3) not null default clock_timestamp() check (isfinite(updated_at)),
      version int not null default 1
    ) with (fillfactor = 80)`,
    'create index workstation_created_at_id on workstation (created_at, id)',
    'create index workstation_status_id on workstation (status, id)',
    'create index workstation_manager_id_created_at_id on workstation (manager_id, created_at, id)',
  ],
  down: ['drop table workstation', 'drop table manager', 'drop function uuid_v7()'],
});

const TEXT_INDEX = sqlMigration('20261129-text-index', {
  up: [createTextIndex('workstation_texts', 'workstation', ['name', 'hostname', 'operating_system'])],
  down: ['drop index if exists workstation_texts'],
});

const TAGS = sqlMigration('20261129-tags', {
  up: [
    // A check has no subqueries, and so needs a function.
    `
    create function workstation_tags_fit(tags text[]) returns boolean language sql immutable as $$
      select cardinality(tags) <= 20
        and not exists (select from unnest(tags) tag where tag is null or char_length(tag) not between 1 and 50)
        and tags = array(select tag from unnest(tags) tag group by tag order by tag collate "C")
    $$`,
    // Every report checks the whole row again, and most rows have no tags.
    `alter table workstation add column tags text[] not null default '{}'
      constraint workstation_tags_check check (tags = '{}' or workstation_tags_fit(tags))`,
    'create index workstation_tags on workstation using gin (tags) with (fastupdate = off)',
  ],
  down: ['alter table workstation drop column tags', 'drop function workstation_tags_fit(text[])'],
});

/** What machines report does not raise the `version` that people's edits are checked by. */
const REPORTED = sqlMigration('20261130-reported-columns', {
  up: [
    `select follow_table('workstation', reported => '{cpu_usage, memory_usage, disk_usage, last_seen_at}', shared => '{status}')`,
  ],
  down: [`select follow_table('workstation')`],
});

/**
 * For `ipAddressIn`. Without the name of an operator class, so that PostgreSQL can make the index anew when an operator gives
 * the column another type.
 */
const NETWORK_INDEX = sqlMigration('20261201-network-index', {
  up: ['create index workstation_ip_address on workstation using spgist (ip_address)'],
  down: ['drop index workstation_ip_address'],
});

/** PostgreSQL tries to inline a function without settings, and parses it for each statement that writes, tags or not. */
const TAGS_FUNCTION = sqlMigration('20261202-tags-function', {
  up: ['alter function workstation_tags_fit(text[]) set search_path = pg_catalog'],
  down: ['alter function workstation_tags_fit(text[]) reset search_path'],
});

/** A column more is one entry more: `sqlMigration('20270101-serial-number', { up: ['alter table …'], down: ['alter table …'] })`. */
export const workstationMigrations: readonly NamedMigration[] = [
  FLEET,
  changesMigration(['manager', 'workstation']),
  sqlMigration('20261129-machine-id', {
    up: [
      `alter table workstation add column machine_id text
        constraint workstation_machine_id_unique unique check (char_length(machine_id) between 1 and 200)`,
    ],
    down: ['alter table workstation drop column machine_id'],
  }),
  TEXT_INDEX,
  TAGS,
  REPORTED,
  NETWORK_INDEX,
  TAGS_FUNCTION,
];
