import { ANNOUNCE, COUNT_VERSION } from './changes.migration.ts';
import { sqlMigration } from './sql-migration.ts';

/**
 * A transaction announces single rows until their JSON comes to this, some 12,000 ordinary rows. It is a thousandth of the
 * queue that PostgreSQL has for notifications, and an instance still reads it in a fraction of a second.
 */
const MAX_ANNOUNCED_BYTES = 8_000_000;

// Names are qualified instead of setting a search path, which would cost time for each row.
const COUNT_ANYWHERE = `
  begin
    if new.id operator(pg_catalog.<>) old.id then
      raise exception 'The id of a % never changes.', tg_table_name using errcode = 'check_violation';
    end if;
    new.version := old.version operator(pg_catalog.+) 1;
    new.updated_at := pg_catalog.clock_timestamp();
    return new;
  end `;

interface Comparison {
  /** What it needs of the row before, `o`, and after, `n`, beside `whole`, the JSON of the row after. */
  readonly forms: string;
  /** The columns that differ, from those forms: `was`, with `key` and `value`. */
  readonly differing: string;
}

const BINARY: Comparison = {
  forms: 'to_jsonb(o) as before, to_jsonb(n) as after',
  differing: `jsonb_each(before) was
            where was.value is distinct from after -> was.key`,
};

// Rows come one by one from a cursor, so that no more than one is held at a time. The rows of an update are paired by a full
// join, because it alone is never done by a nested loop: PostgreSQL plans the statement once in each session, and for as
// many rows as the first update has. What a transaction has announced is kept in a setting, which ends with it and goes back
// to a savepoint with it. The last notification of a big statement has the time of its transaction, so that those of later
// ones equal it, and PostgreSQL leaves them out.
/**
 * @param version the column that orders the states of a row
 * @param comparison how the columns of an update that differ are found
 */
export const announceAnything = (version: 'version' | 'row_version', comparison: Comparison = BINARY) => `
  declare
    most constant int := ${MAX_ANNOUNCED_BYTES};
    head constant text := '{"table":' || to_json(tg_table_name) || ',"schema":' || to_json(tg_table_schema)
      || ',"relid":' || tg_relid || ',"xid":"' || pg_current_xact_id() || '","at":';
    opening constant text := head || extract(epoch from clock_timestamp()) * 1000 || ',"op":"' || tg_op || '","isLast":';
    room constant int := 7900 - octet_length(opening);
    announced int := coalesce(nullif(current_setting('stationmaster.announced_bytes', true), ''), '0');
    changes refcursor;
    row_id uuid;
    row_version bigint;
    item text;
    part text := '';
  begin
    if tg_op = 'TRUNCATE' then
      perform pg_notify('stationmaster_changes', opening || 'true,"rows":[]}');
      return null;
    end if;
    if announced > most then
      null;
    elsif tg_op = 'INSERT' then
      open changes no scroll for
        select n.id, n.${version}, json_build_object('id', n.id, 'version', n.${version}, 'old', null, 'new', to_json(n))
        from new_rows n;
    elsif tg_op = 'UPDATE' then
      open changes no scroll for
        select id, pairs.${version}, json_build_object('id', id, 'version', pairs.${version}, 'old', (
            select coalesce(json_object_agg(was.key, was.value), '{}') from ${comparison.differing}
          ), 'new', whole)
        from (
          select n.id, n.${version}, ${comparison.forms}, to_json(n) as whole
          from new_rows n full join old_rows o on o.id = n.id offset 0
        ) pairs;
    else
      open changes no scroll for
        select o.id, o.${version}, json_build_object('id', o.id, 'version', o.${version}, 'old', to_json(o), 'new', null)
        from old_rows o;
    end if;
    while announced <= most loop
      fetch changes into row_id, row_version, item;
      exit when not found;
      announced := announced + octet_length(item);
      if octet_length(item) > room then
        item := json_build_object('id', row_id, 'version', row_version);
      end if;
      if part = '' then
        part := item;
      elsif octet_length(part) + octet_length(item) < room then
        part := part || ',' || item;
      else
        perform pg_notify('stationmaster_changes', opening || 'false,"rows":[' || part || ']}');
        part := item;
      end if;
    end loop;
    if changes is not null then
      close changes;
    end if;
    if announced > most then
      perform pg_notify('stationmaster_changes',
        head || extract(epoch from now()) * 1000 || ',"op":"TRUNCATE","isLast":true,"rows":[]}');
    elsif part <> '' then
      perform pg_notify('stationmaster_changes', opening || 'true,"rows":[' || part || ']}');
    end if;
    part := set_config('stationmaster.announced_bytes', announced::text, true);
    return null;
  end `;

// Numbers and times are announced in full, however the session that writes wants to see them.
const ANNOUNCE_SETTINGS = `set search_path = pg_catalog set extra_float_digits = 1 set timezone = 'UTC'`;

/** The statements that make both trigger functions, or replace them under the triggers that are there. */
export function createTriggerFunctions(bodies: { readonly count: string; readonly announce: string }): string[] {
  return [
    `create or replace function stationmaster_count_version() returns trigger language plpgsql as $$${bodies.count}$$`,
    `create or replace function stationmaster_announce() returns trigger language plpgsql
      ${ANNOUNCE_SETTINGS} as $$${bodies.announce}$$`,
  ];
}

/** As of this migration. */
export const ANNOUNCING_FUNCTIONS = { count: COUNT_ANYWHERE, announce: announceAnything('version') };

/**
 * The trigger functions of `changesMigration` once more, for every writer: whatever the search path of its session, and
 * however much it changes. They replace the others under the triggers that are there.
 *
 * Announcements gain the `schema` and the oid of the table, `relid`, and `at`, the time in milliseconds since 1970, with a
 * fraction. Of a table that a transaction changes further after `MAX_ANNOUNCED_BYTES`, it announces what a TRUNCATE does:
 * that any row may have changed. Earlier builds understand all of it.
 *
 * `stationmaster_announce_rows()` stays: a statement may be running that is about to call it.
 */
export const announcementsMigration = sqlMigration('20261129-announcements', {
  up: createTriggerFunctions(ANNOUNCING_FUNCTIONS),
  down: [COUNT_VERSION, ANNOUNCE].map((text) => text.replace('create function', 'create or replace function')),
});
