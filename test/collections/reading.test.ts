import { Cache } from '../../src/cache/index.ts';
import { createOperation, openCollections } from '../../src/collections/index.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createDesks, deskCollections, desks, keepers, studios } from './desks.ts';

const BY_LABEL = { field: 'LABEL', direction: 'ASC' } as const;
const FIRST_PAGE = { filter: {}, order: BY_LABEL, first: 20, after: null };

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp();
  await createDesks(testApp);
});

afterAll(() => testApp.close());

/** The collections with a cache that holds nothing. */
function open() {
  const { database } = testApp.app;
  return openCollections(deskCollections, { cache: new Cache(), database });
}

describe('Records', () => {
  test('are the same whether they are read from a row, or from its JSON in an announcement', async () => {
    const rows = await testApp.sql<{ row: string }>('select to_json(desk)::text as row from desk order by label');
    const announced = rows.map(({ row }) => desks.shape.fromJson(JSON.parse(row)));
    const { rows: read } = await open()
      .of(desks)
      .page({ ...FIRST_PAGE, first: 50, shows: [] }, createOperation());
    expect(read).toEqual(announced);
    expect(read).toHaveLength(40);
    expect(Object.keys(read[0]!)).toEqual(Object.keys(announced[0]!));
  });

  test('are measured as the cache measures them', async () => {
    const cache = new Cache();
    const { rows } = await openCollections(deskCollections, { cache, database: testApp.app.database })
      .of(desks)
      .page({ ...FIRST_PAGE, shows: [] }, createOperation());
    for (const row of rows) {
      const before = cache.getStats().bytes;
      cache.set(desks.keyOf(row.id), { ...row }, { layer: 'desks', version: row.version });
      expect(cache.getStats().bytes).toBe(before);
    }
  });
});

describe('A page', () => {
  test('brings along what its rows refer to through several relations at once, in one statement', async () => {
    const collections = open();
    const operation = createOperation();
    const statements = await testApp.countStatements(async () => {
      const { rows } = await collections.of(desks).page({ ...FIRST_PAGE, shows: ['studio', 'keeper'] }, operation);
      expect(rows.map(({ label }) => label)).toEqual(
        rows.map((_row, index) => `desk ${String(index + 1).padStart(2, '0')}`),
      );
      for (const { studioId, keeperId } of rows) {
        // At once, without a promise: they are held.
        if (studioId) expect(collections.of(studios).findById(studioId, operation)).toMatchObject({ id: studioId });
        if (keeperId) expect(collections.of(keepers).findById(keeperId, operation)).toMatchObject({ id: keeperId });
      }
      expect(new Set(rows.map(({ studioId }) => studioId)).size).toBe(5);
    });
    expect(statements).toBe(1);
  });

  test('brings nothing along that is not shown, and nothing that was held the last time', async () => {
    const collections = open();
    const texts: string[] = [];
    const page = (after: string | null, shows: string[]) =>
      collections.of(desks).page(
        {
          ...FIRST_PAGE,
          first: 5,
          after: after === null ? null : { value: after, id: '00000000-0000-0000-0000-000000000000' },
          shows,
        },
        createOperation(),
      );
    const { readRows } = testApp.app.database;
    Object.assign(testApp.app.database, {
      readRows: (statement: Parameters<typeof readRows>[0]) => {
        texts.push(statement.text);
        return readRows(statement);
      },
    });
    try {
      await page(null, ['studio']);
      await page('desk 11', ['studio']);
      await page('desk 21', ['studio']);
      await page('desk 31', ['keeper']);
    } finally {
      Object.assign(testApp.app.database, { readRows });
    }
    const joined = texts.map((text) => ['studio', 'keeper'].filter((table) => text.includes(`left join ${table}`)));
    expect(joined).toEqual([['studio'], ['studio'], [], ['keeper']]);
  });
});

describe('Lists that differ only in the row they are restricted to', () => {
  test.each(['studioId', 'keeperId'] as const)(
    'by %s are loaded in one statement, and counted in one',
    async (scope) => {
      const table = scope === 'studioId' ? 'studio' : 'keeper';
      const ids = (await testApp.sql(`select id from ${table} order by name`)).map(({ id }) => id as string);
      const collection = open().of(desks);
      const operation = createOperation();
      const statements = await testApp.countStatements(async () => {
        const filters = ids.map((id) => collection.definition.normalizeFilter({ kind: ['SITTING'] }, { [scope]: id })!);
        const pages = await Promise.all(
          filters.map((filter) => collection.page({ ...FIRST_PAGE, filter, first: 2, shows: [] }, operation)),
        );
        const counts = await Promise.all(filters.map((filter) => collection.count(filter, operation)));
        for (const [index, { rows, hasNextPage }] of pages.entries()) {
          expect(rows.every((row) => row[scope] === ids[index] && row.kind === 'SITTING')).toBe(true);
          expect(hasNextPage).toBe(counts[index]! > 2);
        }
        expect(Math.max(...counts)).toBeGreaterThan(2);
      });
      expect(statements).toBe(2);
    },
  );
});
