import { Cache } from '../../src/cache/index.ts';
import { createOperation, FROM_START, openCollections } from '../../src/collections/index.ts';
import { engine } from '../../src/testing/test-database.ts';
import { isFreed } from '../support/heap.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createDesks, deskCollections, desks, keepers, studios } from './desks.ts';

const BY_LABEL = { field: 'LABEL', direction: 'ASC' } as const;
const FIRST_PAGE = { filter: {}, order: BY_LABEL, size: 20, ...FROM_START };

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
      .page({ ...FIRST_PAGE, size: 50, shows: [] }, createOperation());
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

test('Records are found by a plan that PostgreSQL makes once, however many are asked for together', async () => {
  // The embedded database keeps no statement.
  if (engine !== 'postgresql') return;
  const { database } = testApp.app;
  const ids = (await testApp.sql<{ id: string }>('select id from keeper')).map(({ id }) => id);
  for (let count = 1; count <= 12; count++) {
    const found = await open()
      .of(keepers)
      .find(ids.slice(0, 1 + (count % 3)), createOperation());
    expect(found).toHaveLength(1 + (count % 3));
  }
  // PostgreSQL tries five executions before it decides whether the values matter to the plan.
  const text =
    "select custom_plans::int as custom from pg_prepared_statements where statement like 'select t.%keeper t where t.id %'";
  expect(await database.query('plans', text, [])).toEqual([{ custom: 5 }]);
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
          size: 5,
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

describe('A held page, and a held count', () => {
  test('keep nothing of the operation that read them', async () => {
    const collections = open();
    const read = async () => {
      const operation = createOperation();
      await collections.of(desks).page({ ...FIRST_PAGE, shows: ['studio'] }, operation);
      await collections.of(desks).count({}, operation);
      return new WeakRef(operation);
    };
    expect(await isFreed(await read())).toBe(true);
  });
});

describe('A page that the cache has no room for', () => {
  /** The collections with a cache that is full of something else. */
  function openFull() {
    const cache = new Cache({ maxEntries: 60 });
    for (let index = 0; index < 60; index++) cache.set(`other ${index}`, index);
    return { cache, collections: openCollections(deskCollections, { cache, database: testApp.app.database }) };
  }

  test('is read in one statement with what its rows refer to, each time until its rows are asked for again', async () => {
    const { cache, collections } = openFull();
    const page = (operation = createOperation()) =>
      collections.of(desks).page({ ...FIRST_PAGE, shows: ['studio'] }, operation);
    const operation = createOperation();
    const first = await testApp.countStatements(async () => {
      const { rows } = await page(operation);
      expect(rows).toHaveLength(20);
      for (const { studioId } of rows) {
        if (studioId) expect(collections.of(studios).findById(studioId, operation)).toMatchObject({ id: studioId });
      }
    });
    expect(first).toBe(1);
    expect(cache.dependOn(operation.reads, () => {})).toBeNull();
    // Its rows, and what they refer to, are missing the second time, and are stored then.
    expect(await testApp.countStatements(page)).toBe(2);
    expect(await testApp.countStatements(page)).toBe(0);
  });

  test('evicts nothing but for the list itself', async () => {
    const { cache, collections } = openFull();
    await collections.of(desks).page({ ...FIRST_PAGE, shows: ['studio'] }, createOperation());
    const { layers, evictions } = cache.getStats();
    expect(evictions).toBe(1);
    expect(layers.filter(({ size }) => size > 0).map(({ name, size }) => [name, size])).toEqual([
      ['values', 59],
      ['desks_list', 1],
    ]);
  });

  test('is joined with other rows as long as these are not held', async () => {
    const { collections } = openFull();
    const page = (size: number) =>
      testApp.countStatements(() =>
        collections.of(desks).page({ ...FIRST_PAGE, size, shows: ['studio', 'keeper'] }, createOperation()),
      );
    expect([await page(20), await page(19), await page(18)]).toEqual([1, 1, 1]);
  });
});

describe('A statement', () => {
  test('is prepared once, unless the best plan depends on the values that rows are filtered by', async () => {
    const { database } = testApp.app;
    const names: (string | undefined)[] = [];
    const collection = openCollections(deskCollections, {
      cache: new Cache(),
      database: {
        ...database,
        readRows: (statement) => {
          names.push(statement.name);
          return database.readRows(statement);
        },
      },
    }).of(desks);
    const [{ id } = {}] = await testApp.sql('select id from studio');
    const filters = [{}, { studioId: id }, { homeless: true }, { kind: ['SITTING'] }, { noteContains: 'e' }];
    for (const given of [...filters, { not: { studioId: id } }]) {
      const filter = collection.definition.normalizeFilter(given as (typeof desks)['accepts']['filter'])!;
      await collection.page({ ...FIRST_PAGE, filter, shows: [] }, createOperation());
    }
    const name = expect.stringMatching(/^desks-./);
    expect(names).toEqual([name, name, name, '', '', '']);
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
          filters.map((filter) => collection.page({ ...FIRST_PAGE, filter, size: 2, shows: [] }, operation)),
        );
        const counts = await Promise.all(filters.map((filter) => collection.count(filter, operation)));
        for (const [index, { rows, hasMore }] of pages.entries()) {
          expect(rows.every((row) => row[scope] === ids[index] && row.kind === 'SITTING')).toBe(true);
          expect(hasMore).toBe(counts[index]! > 2);
        }
        expect(Math.max(...counts)).toBeGreaterThan(2);
      });
      expect(statements).toBe(2);
    },
  );
});
