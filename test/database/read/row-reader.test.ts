import fc from 'fast-check';
import type { ValueKind } from '../../../src/database/read/column-types.ts';
import type { RowReader } from '../../../src/database/read/row-reader.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

interface Values {
  readonly text: string | null;
  readonly float: number | null;
  readonly int: number | null;
  readonly timeMs: number | null;
  readonly last: string | null;
  readonly word: string | null;
  readonly id: string | null;
  readonly otherId: string | null;
  readonly texts: readonly string[] | null;
}

const TEXT = `select text, float, int, (to_timestamp(0) + "timeMs" * interval '1 millisecond')::timestamptz(3), last, word,
    id, "otherId", texts
  from json_to_recordset($1::json)
    as given (text text, float float8, int int4, "timeMs" float8, last text, word text, id uuid, "otherId" uuid, texts text[])`;

const KINDS: readonly ValueKind[] = ['text', 'float', 'int', 'time', 'text', 'text', 'uuid', 'uuid', 'texts'];

/** Ids with equal last digits, which a table of recent values could confuse. */
const ALIKE = [0, 1, 2].map((digit) => `0000000${digit}-0000-7000-8000-00000000000a`);

function uuid(number: number): string {
  return `01890000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

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
    word: row.internedText(),
    id: row.uuid(),
    otherId: row.internedUuid(),
    texts: row.texts(),
  };
}

function readBack(rows: readonly Values[]): Promise<Values[]> {
  const values = [JSON.stringify(rows)];
  return testApp.app.database.readRows({ name: 'read-back', text: TEXT, values, kinds: KINDS, read });
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
    word: fc.option(fc.oneof(text, fc.constantFrom('', 'a', 'b', 'Ubuntu 24.04', 'x'.repeat(64), 'ü'))),
    id: fc.option(fc.uuid()),
    otherId: fc.option(fc.oneof(fc.uuid(), fc.constantFrom(...ALIKE))),
    texts: fc.option(
      fc.array(fc.oneof(text, fc.constantFrom('', 'null', 'NULL', 'a,b', '"', '\\', '{}', ' a ')), { maxLength: 4 }),
    ),
  });

  test('equal what the database holds, for any value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(values), async (rows) => {
        expect(await readBack(rows)).toEqual(rows);
      }),
    );
  });

  test('have addresses as PostgreSQL writes them', async () => {
    const group = fc.oneof(
      fc.constantFrom('0', '1', 'ffff'),
      fc.nat(0xffff).map((given) => given.toString(16)),
    );
    const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':'));
    const ip = fc.option(fc.oneof(fc.ipV4(), ipv6, fc.ipV6(), fc.constantFrom('::', '::1', '::ffff:10.0.0.1', '1::')));
    const read = (row: RowReader) => [row.ip(), row.text()];
    const text = 'select ip::inet, host(ip::inet) from unnest($1::text[]) ip';
    const kinds = ['ip', 'text'] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(ip), async (ips) => {
        const rows = await testApp.app.database.readRows({ name: 'addresses', text, values: [ips], kinds, read });
        expect(rows.map(([written]) => written)).toEqual(rows.map(([, expected]) => expected));
        expect(rows).toHaveLength(ips.length);
      }),
    );
  });

  test('are complete when they arrive in many chunks', async () => {
    const rows = Array.from({ length: 3000 }, (_, index) => {
      const text = `${index} `.repeat(index % 97);
      return {
        text,
        float: index / 3,
        int: 1 - index,
        timeMs: index * 86_400_000,
        last: index % 2 ? null : `ü${index}`,
        word: `word ${index}`,
        id: uuid(index),
        otherId: uuid(index % 1500),
        texts: index % 3 ? [`text ${index}`, 'ü'] : [],
      };
    });
    expect(await readBack([...rows, { ...rows[0]!, text: 'long '.repeat(100_000) }])).toHaveLength(3001);
    expect(await readBack(rows)).toEqual(rows);
  });

  test('have the same values in columns of other types that hold them', async () => {
    const text = `select 7::int8, 7::int2, 12.3::real, 12.30::numeric, '10.0.0.1'::text, 'ü'::varchar, null::numeric, true,
      '{a}'::varchar[],
      '2026-01-02T03:04:05.678Z'::timestamptz(3), '${ALIKE[0]}'::uuid, '2001:db8::1'::inet`;
    const kinds = [
      'int',
      'int',
      'float',
      'float',
      'ip',
      'text',
      'float',
      'boolean',
      'texts',
      'time',
      'uuid',
      'ip',
    ] as const;
    const read = (row: RowReader) => [
      ...[
        row.int(),
        row.int(),
        row.float(),
        row.float(),
        row.ip(),
        row.text(),
        row.float(),
        row.boolean(),
        row.texts(),
      ],
      ...[row.timeMs(), row.uuid(), row.ip()],
    ];
    const time = Date.parse('2026-01-02T03:04:05.678Z');
    const expected = [7, 7, 12.3, 12.3, '10.0.0.1', 'ü', null, true, ['a'], time, ALIKE[0], '2001:db8::1'];
    const statement = { name: 'other-types', text, values: [], kinds, read };
    // First as it is prepared, then as it is known.
    for (const _ of [1, 2]) expect(await testApp.app.database.readRows(statement)).toEqual([expected]);
  });

  test.each<[string, ValueKind, string]>([
    ['now()::timestamp(3)', 'time', 'It has to be timestamp(3) with time zone.'],
    ["'a'::char(3)", 'text', 'It has to be text or character varying.'],
    ["'1'::text", 'int', 'It has to be integer, smallint or bigint.'],
    ["'{1}'::int[]", 'texts', 'It has to be text[] or character varying[].'],
    ['1', 'uuid', 'It has to be uuid.'],
  ])('are refused in a column of a type with other values: %s as %s', async (expression, kind, message) => {
    const text = `select ${expression} as odd`;
    const statement = { name: `odd-${kind}-${expression}`, text, values: [], kinds: [kind], read: () => null };
    await expect(testApp.app.database.readRows(statement)).rejects.toThrow(message);
  });

  test('of other statements arrive although one statement fails, or its rows cannot be read', async () => {
    const { database } = testApp.app;
    const fails = { name: 'fails', text: 'select 1 / 0', values: [], kinds: ['int'] as const, read };
    await expect(database.readRows(fails)).rejects.toThrow('division by zero');
    const unreadable = {
      name: 'two-rows',
      text: 'select i from generate_series(1, 2) i',
      values: [],
      kinds: ['int'] as const,
      read: (row: RowReader) => {
        throw new RangeError(`Row ${row.int()} is not what it was taken for.`);
      },
    };
    await expect(database.readRows(unreadable)).rejects.toThrow(new RangeError('Row 1 is not what it was taken for.'));
    expect(await readBack([])).toEqual([]);
  });
});
