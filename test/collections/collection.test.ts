// First, because TypeGraphQL's decorators look for it as soon as they are loaded.
import 'reflect-metadata';
import { defineEntity, p } from '@mikro-orm/core';
import type { Change } from '../../src/changes/index.ts';
import {
  baseProperties,
  contains,
  defineCollection,
  equals,
  FROM_START,
  guardedInputsOf,
} from '../../src/collections/index.ts';
import { workstations } from '../../src/features/workstation/index.ts';
import { DeskEntity, deskCollections, desks, studios } from './desks.ts';

const STUDIO = '018f0000-0000-7000-8000-000000000001';
const OTHER_STUDIO = '018f0000-0000-7000-8000-000000000002';
const KEEPER = '018f0000-0000-7000-8000-000000000003';
const DESK = '018f0000-0000-7000-8000-000000000004';

const ROW = {
  id: DESK,
  label: 'a',
  note: null,
  kind: 'SITTING',
  address: null,
  is_free: true,
  seats: 1,
  height: 1.5,
  bought_at: null,
  studio_id: STUDIO,
  keeper_id: KEEPER,
  created_at: '2026-01-01T00:00:00.000+00:00',
  updated_at: '2026-01-01T00:00:00.000+00:00',
  version: 1,
  row_version: 1,
};

const update = (changed: object): Change => ({
  table: 'desk',
  op: 'UPDATE',
  id: DESK,
  version: 2,
  old: ROW,
  new: { ...ROW, ...changed, row_version: 2 },
});

describe('Keys', () => {
  test('of workstations are those that operators know from the documentation', () => {
    const order = { field: 'NAME', direction: 'ASC' } as const;
    const position = { value: 'a', id: '1' };
    const filter = workstations.normalizeFilter({ status: ['ONLINE', 'ERROR', 'ONLINE'], unmanaged: true })!;
    expect(workstations.keyOf('1')).toBe('workstations_1');
    expect(workstations.listKey({ ...FROM_START, filter, order, size: 50 })).toBe(
      'workstations_list_NAME_ASC_50_{"status":["ERROR","ONLINE"],"unmanaged":true}',
    );
    const [after, before] = [position, { ...position, value: 'b' }];
    const range = '{"id":"1","value":"a"}_before_{"id":"1","value":"b"}';
    expect(workstations.listKey({ filter: {}, order, size: 5, from: 'END', after, before })).toBe(
      `workstations_list_NAME_ASC_last_5_{}_${range}`,
    );
    expect(workstations.countKey({})).toBe('workstations_count_{}');
  });

  test('leave out what a collection offers no choice of', () => {
    const order = { field: 'CREATED_AT', direction: 'DESC' } as const;
    expect(studios.listKey({ ...FROM_START, filter: {}, order, size: 50 })).toBe('studios_list_50');
    expect(studios.countKey({})).toBe('studios_count');
  });
});

describe('A filter', () => {
  test('is brought into one form', () => {
    expect(desks.normalizeFilter(null)).toEqual({});
    expect(desks.normalizeFilter({ kind: [], noteContains: '', homeless: null })).toEqual({});
    expect(desks.normalizeFilter({ studioId: STUDIO.toUpperCase(), homeless: false })).toEqual({ studioId: STUDIO });
  });

  test.each([
    ['an id that no row has', { studioId: 'x' }, {}],
    ['a row of a studio without a studio', { studioId: STUDIO, homeless: true }, {}],
    ['two studios at once', { studioId: STUDIO }, { studioId: OTHER_STUDIO }],
    ['a text that no column holds', { noteContains: 'a\0' }, {}],
  ])('that no row can fit is null: %s', (_what, given, within) => {
    expect(desks.normalizeFilter(given, within)).toBeNull();
  });

  test('cannot restrict a list by a part that there is not: the whole list would be shown', () => {
    expect(() => desks.normalizeFilter(null, { roomId: STUDIO })).toThrow(TypeError);
  });

  test('refuses a text that is too long, and names it', () => {
    expect(() => desks.normalizeFilter({ noteContains: 'x'.repeat(201) })).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'filter.noteContains' }),
    );
  });

  test('cannot be declared for what the entity does not have, or cannot compare', () => {
    const declare = {
      entity: DeskEntity,
      key: 'd',
      orders: { LABEL: 'label' },
      defaultOrder: ['LABEL', 'ASC'],
    } as const;
    // @ts-expect-error: desks have no such property
    expect(() => defineCollection({ ...declare, filters: { colour: contains('colour') } })).toThrow(TypeError);
    expect(() => defineCollection({ ...declare, filters: { seats: contains('seats') } })).toThrow('it is no text');
    expect(() => defineCollection({ ...declare, filters: { label: equals('label') } })).toThrow('it is no uuid');
    expect(() =>
      defineCollection({ ...declare, orders: { ADDRESS: 'address' }, defaultOrder: ['ADDRESS', 'ASC'] }),
    ).toThrow('addresses are not compared here');
  });
});

describe('A change', () => {
  test('meets the lists of all rows and those of the rows it was and is referred to, by the columns it touched', () => {
    const { tags } = desks.announcementOf(update({ studio_id: OTHER_STUDIO, height: 2 }));
    const scopes = ['*', `studio=${STUDIO}`, `studio=${OTHER_STUDIO}`, `keeper=${KEEPER}`];
    expect([...tags].sort()).toEqual(scopes.map((scope) => `desks ${scope} studioId`).sort());
  });

  test('of a column that no list looks at meets no list', () => {
    expect(desks.announcementOf(update({ height: 2, is_free: false, address: '10.0.0.9' })).tags).toEqual([]);
  });

  test('meets each list that looks at the column, whichever part of its filter does', () => {
    const order = { field: 'LABEL', direction: 'ASC' } as const;
    const touched: Record<string, [object, object]> = {
      kind: [{ kind: ['SITTING'] }, { kind: 'STANDING' }],
      studioId: [{ studioId: STUDIO }, { studio_id: null }],
      keeperId: [{ keeperId: KEEPER }, { keeper_id: null }],
      homeless: [{ homeless: true }, { studio_id: null }],
      noteContains: [{ noteContains: 'X' }, { note: 'x' }],
    };
    expect(Object.keys(touched)).toEqual(desks.filters.parts.map(({ name }) => name));
    for (const [given, changed] of Object.values(touched)) {
      const filter = desks.normalizeFilter(given)!;
      const { tags, change } = desks.announcementOf(update(changed));
      expect(desks.listTags({ filter, order }).some((tag) => tags.includes(tag))).toBe(true);
      expect(desks.countTags(filter).some((tag) => tags.includes(tag))).toBe(true);
      expect(desks.isCountAffected(filter, change)).toBe(true);
    }
  });

  test('whose rows were too big to be announced meets every list', () => {
    const { tags, change, records } = desks.announcementOf({ ...update({}), old: undefined, new: undefined });
    expect(tags).toEqual(['desks']);
    expect(desks.isCountAffected({}, change)).toBe(true);
    expect(records).toEqual([{ key: `desks_${DESK}`, version: 2, value: undefined }]);
  });

  test.each<[string, object]>([
    ['a whole number with a fraction', { seats: 1.5 }],
    ['a whole number in quotes', { seats: '1' }],
    ['a number in quotes', { height: 'NaN' }],
    ['a time without an offset', { updated_at: '2026-01-01T00:00:00.000' }],
    ['a time with microseconds', { updated_at: '2026-01-01T00:00:00.000001+00:00' }],
    ['a network as an address', { address: '10.0.0.0/8' }],
    ['a text that is no address', { address: 'unknown' }],
    ['a boolean as text', { is_free: 'true' }],
    ['a text that is an object', { label: {} }],
    ['nothing where something has to be', { label: null }],
    ['a missing column', { label: undefined }],
  ])('with %s meets every list, and its content is not used', (_what, changed) => {
    const { tags, change, records } = desks.announcementOf(update(changed));
    expect({ tags, change }).toEqual({ tags: ['desks'], change: null });
    expect(records).toEqual([{ key: `desks_${DESK}`, version: 2, value: undefined }]);
  });
});

test('a cursor is only good with a value that its column can hold', () => {
  const isValue = (field: 'LABEL' | 'KIND' | 'SEATS' | 'BOUGHT_AT', value: string | number | null) =>
    desks.isOrderedValue({ field, direction: 'ASC' }, value);
  expect([
    isValue('LABEL', 'a'),
    isValue('KIND', 'SITTING'),
    isValue('SEATS', 1),
    isValue('BOUGHT_AT', 0),
  ]).not.toContain(false);
  expect([isValue('SEATS', null), isValue('BOUGHT_AT', null)]).not.toContain(false);
  const bad = [
    isValue('LABEL', 'a\0'),
    isValue('LABEL', null),
    isValue('LABEL', 1),
    isValue('KIND', 'LYING'),
    isValue('SEATS', '1'),
  ];
  expect([...bad, isValue('BOUGHT_AT', 0.5), isValue('BOUGHT_AT', 1e16)]).not.toContain(true);
});

test('a violated constraint is explained by the field that it guards', () => {
  expect(Object.fromEntries(guardedInputsOf(deskCollections))).toEqual({
    studio_name_unique: { field: 'input.name', message: 'Another studio has this name.' },
    desk_studio_id_fkey: { field: 'input.studioId', message: 'There is no studio with this id.' },
    desk_keeper_id_fkey: { field: 'input.keeperId', message: 'There is no keeper with this id.' },
  });
});

test('an entity cannot have a type that records do not hold', () => {
  const entity = defineEntity({ name: 'Blob', tableName: 'blob', properties: { ...baseProperties, bytes: p.blob() } });
  expect(() =>
    defineCollection({
      entity,
      key: 'blobs',
      orders: { CREATED_AT: 'createdAt' },
      defaultOrder: ['CREATED_AT', 'ASC'],
    }),
  ).toThrow('A record cannot hold Blob.bytes, of type BlobType.');
});
