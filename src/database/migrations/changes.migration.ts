import { type NamedMigration, sqlMigration } from './sql-migration.ts';

/**
 * Versions that rise with every update, and the announcements of the change feed, whoever writes.
 *
 * Each statement announces what it changed on the channel `stationmaster_changes`, in one or more parts, because NOTIFY
 * takes fewer than 8,000 bytes: `{table, op, xid, isLast, rows: [{id, version, old, new}]}`. `old` of an update has only
 * the columns that differ. A row too big for one part is announced by id and version alone. PostgreSQL delivers the
 * parts on commit, in commit order.
 *
 * It was released together with the tables that were there then, and has to be given their names: it makes their triggers,
 * as `follow_table()` does since.
 */
export function changesMigration(tables: readonly string[]): NamedMigration {
  return sqlMigration('20261122-changes', {
    up: [COUNT_VERSION, ANNOUNCE_ROWS, ANNOUNCE, ...tables.flatMap(createTriggers)],
    down: [
      ...tables.flatMap(dropTriggers),
      'drop function stationmaster_announce()',
      'drop function stationmaster_announce_rows(text, text, json[])',
      'drop function stationmaster_count_version()',
    ],
  });
}

export const COUNT_VERSION = `
  create function stationmaster_count_version() returns trigger language plpgsql as $$
  begin
    if new.id <> old.id then
      raise exception 'The id of a % never changes.', tg_table_name using errcode = 'check_violation';
    end if;
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
    return new;
  end $$`;

const ANNOUNCE_ROWS = `
  create function stationmaster_announce_rows(source text, operation text, announced json[]) returns void
  language plpgsql as $$
  declare
    prefix constant text := '{"table":"' || source || '","op":"' || operation
      || '","xid":"' || pg_current_xact_id()::text || '","isLast":';
    max_bytes constant int := 7900 - octet_length(prefix);
    part text := '';
    announcement json;
    item text;
  begin
    foreach announcement in array announced loop
      item := announcement::text;
      if octet_length(item) > max_bytes then
        item := json_build_object('id', announcement -> 'id', 'version', announcement -> 'version')::text;
      end if;
      if part <> '' and octet_length(part) + octet_length(item) + 1 > max_bytes then
        perform pg_notify('stationmaster_changes', prefix || 'false,"rows":[' || part || ']}');
        part := '';
      end if;
      part := part || case when part = '' then '' else ',' end || item;
    end loop;
    if part <> '' then
      perform pg_notify('stationmaster_changes', prefix || 'true,"rows":[' || part || ']}');
    end if;
  end $$`;

// Numbers and times are announced in full, however the session that writes wants to see them.
export const ANNOUNCE = `
  create function stationmaster_announce() returns trigger language plpgsql
  set extra_float_digits = 1 set timezone = 'UTC' as $$
  declare
    announced json[];
  begin
    if tg_op = 'INSERT' then
      select array_agg(json_build_object('id', n.id, 'version', n.version, 'old', null, 'new', to_json(n)))
        into announced from new_rows n;
    elsif tg_op = 'UPDATE' then
      select array_agg(json_build_object('id', n.id, 'version', n.version, 'old', (
          select coalesce(json_object_agg(was.key, was.value), '{}')
          from jsonb_each(to_jsonb(o)) was, to_jsonb(n) became
          where was.value is distinct from became -> was.key
        ), 'new', to_json(n)))
        into announced from new_rows n join old_rows o on o.id = n.id;
    elsif tg_op = 'DELETE' then
      select array_agg(json_build_object('id', o.id, 'version', o.version, 'old', to_json(o), 'new', null))
        into announced from old_rows o;
    else
      perform pg_notify('stationmaster_changes', json_build_object('table', tg_table_name, 'op', tg_op,
        'xid', pg_current_xact_id()::text, 'isLast', true, 'rows', '[]'::json)::text);
    end if;
    if announced is not null then
      perform stationmaster_announce_rows(tg_table_name, tg_op, announced);
    end if;
    return null;
  end $$`;

function createTriggers(table: string): string[] {
  return [
    `
    create trigger ${table}_count_version before update on ${table}
      for each row execute function stationmaster_count_version()`,
    `
    create trigger ${table}_announce_insert after insert on ${table}
      referencing new table as new_rows for each statement execute function stationmaster_announce()`,
    `
    create trigger ${table}_announce_update after update on ${table}
      referencing old table as old_rows new table as new_rows
      for each statement execute function stationmaster_announce()`,
    `
    create trigger ${table}_announce_delete after delete on ${table}
      referencing old table as old_rows for each statement execute function stationmaster_announce()`,
    `
    create trigger ${table}_announce_truncate after truncate on ${table}
      for each statement execute function stationmaster_announce()`,
  ];
}

function dropTriggers(table: string): string[] {
  return [
    `drop trigger ${table}_announce_truncate on ${table}`,
    `drop trigger ${table}_announce_delete on ${table}`,
    `drop trigger ${table}_announce_update on ${table}`,
    `drop trigger ${table}_announce_insert on ${table}`,
    `drop trigger ${table}_count_version on ${table}`,
  ];
}
