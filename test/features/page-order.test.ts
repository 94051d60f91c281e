import fc from 'fast-check';
import type { Database } from '../../src/database/database.ts';
import type { RowReader } from '../../src/database/read/row-reader.ts';
import { ORDER_FIELDS } from '../../src/features/workstation/workstation.list.ts';
import { findPage } from '../../src/features/workstation/workstation.queries.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const NO_COMPANIONS = { columns: 'null', join: '', read: (row: RowReader) => void row.int() };

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 2, workstations: 40 } });
  await testApp.sql(`update workstation set
    cpu_usage = case ascii(right(name, 1)) % 4 when 0 then null when 1 then '-0' when 2 then 0 else 50 end,
    last_seen_at = case when ascii(right(name, 1)) % 3 > 0 then '2026-01-01Z'::timestamptz end`);
});

afterAll(() => testApp.close());

/** A database whose plans bring the rows in any order. */
function withRowsMixed(seed: number): Database {
  const { database } = testApp.app;
  const keyOf = (index: number) => Math.imul(index + 1, seed | 1) >>> 0;
  return {
    ...database,
    async readRows(statement) {
      const rows = await database.readRows(statement);
      const mixed = rows.map((row, index) => [keyOf(index), row] as const).sort(([a], [b]) => a - b);
      return mixed.map(([, row]) => row);
    },
  };
}

describe('A page with managers', () => {
  test.each(ORDER_FIELDS.flatMap((field) => (['ASC', 'DESC'] as const).map((direction) => ({ field, direction }))))(
    'is in order by $field $direction, whatever order a join brings its rows in',
    async (order) => {
      const list = { filter: {}, order, first: 20, after: null };
      const expected = await findPage(testApp.app.database, list);
      expect(expected).toHaveLength(21);
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          expect(await findPage(withRowsMixed(seed), list, NO_COMPANIONS)).toEqual(expected);
        }),
        { numRuns: 10 },
      );
    },
  );
});
