import { type NamedMigration, sqlMigration } from '../../database/migrations/index.ts';

export const agentsMigrations: readonly NamedMigration[] = [
  sqlMigration('20261129-agents', {
    up: [
      `
      create table agent_enrollment (
        id uuid primary key default uuid_v7(),
        label text not null check (char_length(label) between 1 and 200),
        token_hash text not null constraint agent_enrollment_token_hash_unique unique,
        max_uses int not null check (max_uses >= 1),
        uses int not null default 0 check (uses between 0 and max_uses),
        expires_at timestamptz(3) not null check (isfinite(expires_at)),
        revoked_at timestamptz(3) check (isfinite(revoked_at)),
        created_at timestamptz(3) not null default clock_timestamp() check (isfinite(created_at)),
        updated_at timestamptz(3) not null default clock_timestamp() check (isfinite(updated_at)),
        version int not null default 1
      )`,
      'create index agent_enrollment_created_at_id on agent_enrollment (created_at, id)',
      `
      create table agent_key (
        id uuid primary key default uuid_v7(),
        workstation_id uuid not null constraint agent_key_workstation_id_unique unique,
        key_hash text not null constraint agent_key_key_hash_unique unique,
        enrollment_id uuid references agent_enrollment (id) on delete set null,
        created_at timestamptz(3) not null default clock_timestamp() check (isfinite(created_at)),
        updated_at timestamptz(3) not null default clock_timestamp() check (isfinite(updated_at)),
        version int not null default 1
      )`,
      'create index agent_key_enrollment_id on agent_key (enrollment_id)',
      `select follow_table('agent_enrollment')`,
      `select follow_table('agent_key')`,
      // Any program may remove workstations, so it runs with the rights of the owner, and finds the table whatever the search
      // path. Without keys to end nothing is announced.
      `
      create function agent_key_end() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
      declare
        has_ended boolean;
      begin
        if tg_op = 'TRUNCATE' then
          execute format('select exists (select from %I.agent_key)', tg_table_schema) into has_ended;
          if has_ended then
            execute format('truncate %I.agent_key', tg_table_schema);
          end if;
        else
          execute format('select exists (select from %I.agent_key k join old_rows o
            on o.id = k.workstation_id)', tg_table_schema) into has_ended;
          if has_ended then
            execute format('delete from %I.agent_key k using old_rows o
              where o.id = k.workstation_id', tg_table_schema);
          end if;
        end if;
        return null;
      end $$`,
      // Who may execute it may put it on tables of their own, and have their triggers run with the rights of the owner.
      'revoke execute on function agent_key_end() from public',
      `create trigger workstation_agent_key_end_deleted after delete on workstation
        referencing old table as old_rows for each statement execute function agent_key_end()`,
      `create trigger workstation_agent_key_end_truncated after truncate on workstation
        for each statement execute function agent_key_end()`,
    ],
    down: [
      'drop trigger workstation_agent_key_end_truncated on workstation',
      'drop trigger workstation_agent_key_end_deleted on workstation',
      'drop function agent_key_end()',
      'drop table agent_key',
      'drop table agent_enrollment',
    ],
  }),
];
