import type { ColumnKind } from '../../src/collections/definition/columns.ts';
import { guardedInputsOf } from '../../src/collections/index.ts';
import { collections } from '../../src/features/index.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/*
 * The entities say what a row is; the migrations make the tables. Everything that is generated from an entity is wrong if
 * the two disagree.
 */

const SQL_TYPES: Readonly<Record<ColumnKind, string>> = {
  text: 'text',
  uuid: 'uuid',
  ip: 'inet',
  float: 'double precision',
  int: 'integer',
  bigint: 'bigint',
  boolean: 'boolean',
  time: 'timestamp(3) with time zone',
  texts: 'text[]',
};

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

describe.each(collections.map((collection) => [collection.table, collection] as const))(
  'The table %s',
  (table, collection) => {
    test('has the columns of its entity and no others, of the same types', async () => {
      const columns = await testApp.sql(
        `select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as "isNullable", atthasdef as "hasDefault"
        from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
        [table],
      );
      const declared = collection.columns.map(({ name, kind, isNullable, hasDefault, property }) => ({
        name,
        type: SQL_TYPES[kind as ColumnKind],
        isNullable,
        // The database gives a row an id that was inserted without one.
        hasDefault: hasDefault || property === 'id',
      }));
      const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
      expect(columns.toSorted(byName as never)).toEqual(declared.toSorted(byName));
    });

    test('orders text by code point wherever lists are ordered by it', async () => {
      const ordered = [...collection.orders.values()].filter(({ kind }) => kind === 'text').map(({ name }) => name);
      const rows = await testApp.sql(
        `select a.attname as name from pg_attribute a join pg_collation c on c.oid = a.attcollation
        where a.attrelid = $1::regclass and c.collname = 'C'`,
        [table],
      );
      expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(ordered));
    });

    test('has the constraints by whose names a violation is explained', async () => {
      const rows = await testApp.sql(
        `select conname as name from pg_constraint where conrelid = $1::regclass and contype in ('u', 'f')`,
        [table],
      );
      const explained = [...guardedInputsOf([collection]).keys()];
      expect(rows.map(({ name }) => name).sort()).toEqual(explained.sort());
    });
  },
);
