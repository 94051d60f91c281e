import fc from 'fast-check';
import type { RowReader } from '../../src/database/row-reader.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

interface Values {
  readonly text: string | null;
  readonly float: number | null;
  readonly int: number | null;
  readonly timeMs: number | null;
  readonly last: string | null;
  readonly id: string | null;
}

const TEXT = `select text, float, int, (to_timestamp(0) + "timeMs" * interval '1 millisecond')::timestamptz(3), last, id
  from json_to_recordset($1::json) as given (text text, float float8, int int4, "timeMs" float8, last text, id text)`;

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

function read(row: RowReader): Values {
  return {
    text: row.text(),
    float: row.float(),
    int: row.int(),
    timeMs: row.timeMs(),
    last: row.text(),
    id: row.ownText(),
  };
}

function readBack(rows: readonly Values[]): Promise<Values[]> {
  return testApp.app.database.readRows({ name: 'read-back', text: TEXT, values: [JSON.stringify(rows)], read });
}

describe('Rows read value by value', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 }).filter((given) => !given.includes('\0'));
  const values: fc.Arbitrary<Values> = fc.record({
    text: fc.option(text),
    float: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((given) => given + 0)),
    int: fc.option(fc.integer()),
    timeMs: fc.option(
      fc.integer({ min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') }),
    ),
    last: fc.option(text),
    id: fc.option(fc.uuid()),
  });

  test('are what the database holds, whatever that is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(values), async (rows) => {
        expect(await readBack(rows)).toEqual(rows);
      }),
    );
  });

  test('are whole when they come in many pieces', async () => {
    const rows = Array.from({ length: 3000 }, (_, index) => {
      const text = `${index} `.repeat(index % 97);
      return {
        text,
        float: index / 3,
        int: 1 - index,
        timeMs: index * 86_400_000,
        last: index % 2 ? null : `ü${index}`,
        id: `${index}`,
      };
    });
    expect(await readBack([...rows, { ...rows[0]!, text: 'long '.repeat(100_000) }])).toHaveLength(3001);
    expect(await readBack(rows)).toEqual(rows);
  });

  test('are not kept from anybody by a statement that fails, or by one whose rows cannot be read', async () => {
    const { database } = testApp.app;
    const fails = { name: 'fails', text: 'select 1 / 0', values: [], read };
    await expect(database.readRows(fails)).rejects.toThrow('division by zero');
    const unreadable = {
      name: 'two-rows',
      text: 'select i from generate_series(1, 2) i',
      values: [],
      read: (row: RowReader) => {
        throw new RangeError(`Row ${row.int()} is not what it was taken for.`);
      },
    };
    await expect(database.readRows(unreadable)).rejects.toThrow(new RangeError('Row 1 is not what it was taken for.'));
    expect(await readBack([])).toEqual([]);
  });
});
