import fc from 'fast-check';
import { Cache } from '../../src/cache/index.ts';
import { createOperation, FROM_START, openCollections, type PageRange } from '../../src/collections/index.ts';
import type { Database } from '../../src/database/database.ts';
import { collections } from '../../src/features/index.ts';
import { workstations } from '../../src/features/workstation/index.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 2, workstations: 40 } });
  await testApp.sql(`update workstation set
    cpu_usage = case ascii(right(name, 1)) % 4 when 0 then null when 1 then '-0' when 2 then 0 else 50 end,
    last_seen_at = case when ascii(right(name, 1)) % 3 > 0 then '2026-01-01Z'::timestamptz end`);
});

afterAll(() => testApp.close());

/** A database whose plans bring the rows in any order, and the texts of what it was asked. */
function withRowsMixed(seed: number): { readonly database: Database; readonly texts: string[] } {
  const { database } = testApp.app;
  const texts: string[] = [];
  const keyOf = (index: number) => Math.imul(index + 1, seed | 1) >>> 0;
  const mixing: Database = {
    ...database,
    async readRows(statement) {
      texts.push(statement.text);
      const rows = await database.readRows(statement);
      const mixed = rows.map((row, index) => [keyOf(index), row] as const).sort(([a], [b]) => a - b);
      return mixed.map(([, row]) => row);
    },
  };
  return { database: mixing, texts };
}

/** The page at one end of an order, asked of a cache that holds nothing. */
async function pageOf(
  database: Database,
  order: (typeof workstations)['accepts']['order'],
  from: PageRange['from'],
  shows: string[],
) {
  const cache = new Cache();
  const opened = openCollections(collections, { cache, database }).of(workstations);
  return opened.page({ ...FROM_START, filter: {}, order, from, size: 20, shows }, createOperation());
}

const ORDERS = [...workstations.orders.keys()] as (typeof workstations)['accepts']['order']['field'][];

describe('A page with managers', () => {
  test.each(
    ORDERS.flatMap((field) =>
      (['ASC', 'DESC'] as const).flatMap((direction) =>
        (['START', 'END'] as const).map((from) => ({ field, direction, from })),
      ),
    ),
  )(
    'from the $from is in order by $field $direction, whatever order a join brings its rows in',
    async ({ from, ...order }) => {
      const expected = await pageOf(testApp.app.database, order, from, []);
      expect(expected.rows).toHaveLength(20);
      expect(expected.hasMore).toBe(true);
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const { database, texts } = withRowsMixed(seed);
          expect(await pageOf(database, order, from, ['manager'])).toEqual(expected);
          expect(texts).toEqual([expect.stringContaining('left join manager')]);
        }),
        { numRuns: 10 },
      );
    },
  );
});
