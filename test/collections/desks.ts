import { defineEntity, p } from '@mikro-orm/core';
import { baseProperties, contains, defineCollection, equals, isNull, oneOf } from '../../src/collections/index.ts';
import type { TestApp } from '../support/test-app.ts';

/*
 * Collections that exist for tests only: desks stand in studios and are kept by people, with a column of every kind.
 */

const BASE = `id uuid primary key default uuid_v7(), created_at timestamptz(3) not null default clock_timestamp(),
  updated_at timestamptz(3) not null default clock_timestamp(), version int not null default 1`;

const StudioEntity = defineEntity({
  name: 'Studio',
  tableName: 'studio',
  properties: { ...baseProperties, name: p.text().unique('studio_name_unique') },
});

const KeeperEntity = defineEntity({
  name: 'Keeper',
  tableName: 'keeper',
  properties: { ...baseProperties, name: p.text() },
});

export const DeskEntity = defineEntity({
  name: 'Desk',
  tableName: 'desk',
  properties: {
    ...baseProperties,
    label: p.text(),
    note: p.text().nullable(),
    kind: p.enum(['SITTING', 'STANDING'] as const),
    address: p.string().columnType('inet').nullable(),
    isFree: p.boolean(),
    seats: p.integer().nullable(),
    height: p.double().nullable(),
    boughtAt: p.datetime(3).nullable(),
    studio: () => p.manyToOne(StudioEntity).nullable(),
    keeper: () => p.manyToOne(KeeperEntity).nullable(),
  },
});

export const studios = defineCollection({
  entity: StudioEntity,
  key: 'studios',
  orders: { CREATED_AT: 'createdAt' },
  defaultOrder: ['CREATED_AT', 'DESC'],
  interned: ['id'],
});

export const keepers = defineCollection({
  entity: KeeperEntity,
  key: 'keepers',
  orders: { CREATED_AT: 'createdAt' },
  defaultOrder: ['CREATED_AT', 'DESC'],
});

export const desks = defineCollection({
  entity: DeskEntity,
  key: 'desks',
  orders: { LABEL: 'label', KIND: 'kind', SEATS: 'seats', BOUGHT_AT: 'boughtAt' },
  defaultOrder: ['LABEL', 'ASC'],
  filters: {
    kind: oneOf('kind'),
    studioId: equals('studio'),
    keeperId: equals('keeper'),
    homeless: isNull('studio'),
    noteContains: contains('note'),
  },
  summary: { groups: ['kind'], missing: ['studio'], measures: ['seats'] },
});

export const deskCollections = [studios, keepers, desks];

/** Makes the tables, followed, with studios, keepers and desks in them. */
export async function createDesks({ sql }: Pick<TestApp, 'sql'>): Promise<void> {
  await sql(`create table studio (${BASE}, name text not null constraint studio_name_unique unique)`);
  await sql(`create table keeper (${BASE}, name text not null)`);
  await sql(`create table desk (${BASE}, label text collate "C" not null, note text, kind text not null, address inet,
    is_free boolean not null, seats int, height float8, bought_at timestamptz(3),
    studio_id uuid references studio (id), keeper_id uuid references keeper (id))`);
  for (const table of ['studio', 'keeper', 'desk']) await sql(`select follow_table('${table}')`);
  await sql("insert into studio (name) select 'studio ' || n from generate_series(1, 4) n");
  await sql("insert into keeper (name) select 'keeper ' || n from generate_series(1, 3) n");
  await sql(`insert into desk (label, note, kind, address, is_free, seats, height, bought_at, studio_id, keeper_id)
    select 'desk ' || to_char(n, 'FM00'), (array[null, 'é', 'wide', 'NEAR the door'])[1 + n % 4],
      (array['SITTING', 'STANDING'])[1 + n % 2], (array[null, '10.0.0.1', 'fe80::1'])[1 + n % 3]::inet, n % 3 = 0,
      nullif(n % 5, 0), nullif(n % 7, 0) + 0.5, (array[null, '2026-01-01Z', '1969-12-31 23:59:59.999Z'])[1 + n % 3]::timestamptz,
      (select id from studio order by name limit 1 offset n % 5), (select id from keeper order by name limit 1 offset n % 4)
      from generate_series(1, 40) n`);
}
