import { Announcements } from '../../../src/changes/logical/announcements.ts';
import { begin, commit, insert, relation, remove, sent, truncate, update } from './pgoutput-messages.ts';

const TEXT = 25;
const BIGINT = 20;
const ROOM = relation(7, 'room', { id: TEXT, row_version: BIGINT, title: TEXT });
const HEAD = { table: 'room', schema: 'public', relid: 7, xid: '4294967299', at: Date.UTC(2000, 0, 1) + 5 };

function translate(...messages: Buffer[]) {
  const begun: string[] = [];
  const payloads: string[] = [];
  const announcements = new Announcements({
    widen: (xid) => String(4_294_967_296 + xid),
    prefixes: new Set(['ours']),
    onBegin: (xid) => begun.push(xid),
    onPayload: (payload) => payloads.push(payload),
  });
  for (const message of messages) announcements.receive(message);
  return {
    begun,
    payloads,
    read: payloads.map((payload) => (payload.startsWith('{') ? JSON.parse(payload) : payload)),
  };
}

const transaction = (...messages: Buffer[]) => translate(ROOM, begin(3, 5), ...messages, commit()).read;

test('A transaction is announced as triggers announce it, and then its mark', () => {
  const { begun, read } = translate(
    ...[begin(3, 5), ROOM, insert(7, ['a', '1', 'é "x"']), update(7, ['a', '1', 'é "x"'], ['a', '2', null])],
    ...[remove(7, ['a', '2', null]), commit()],
  );
  expect(begun).toEqual(['4294967299']);
  expect(read).toEqual([
    {
      ...HEAD,
      op: 'INSERT',
      isLast: false,
      rows: [{ id: 'a', version: 1, old: null, new: { id: 'a', row_version: 1, title: 'é "x"' } }],
    },
    {
      ...HEAD,
      op: 'UPDATE',
      isLast: false,
      rows: [
        {
          id: 'a',
          version: 2,
          old: { row_version: 1, title: 'é "x"' },
          new: { id: 'a', row_version: 2, title: null },
        },
      ],
    },
    {
      ...HEAD,
      op: 'DELETE',
      isLast: true,
      rows: [{ id: 'a', version: 2, old: { id: 'a', row_version: 2, title: null }, new: null }],
    },
    { mark: '4294967299' },
  ]);
});

test('Rows of one table and kind share a payload, up to some kilobytes', () => {
  const rows = Array.from({ length: 40 }, (_unused, index) => insert(7, [`r${index}`, '1', 'x'.repeat(1000)]));
  const announced = transaction(...rows).slice(0, -1);
  expect(announced.map(({ rows, isLast }) => [rows.length, isLast])).toEqual([
    [15, false],
    [15, false],
    [10, true],
  ]);
});

test('TRUNCATE is announced of each of its tables', () => {
  const other = relation(8, 'desk', { id: TEXT, row_version: BIGINT });
  const announced = transaction(other, truncate(7, 8));
  expect(announced.map(({ table, op, mark }) => [table, op, mark])).toEqual([
    ['room', 'TRUNCATE', undefined],
    ['desk', 'TRUNCATE', undefined],
    [undefined, undefined, HEAD.xid],
  ]);
});

test('Rows before a table as a whole are not the last of their transaction', () => {
  const announced = transaction(insert(7, ['a', '1', 't']), truncate(7), insert(7, ['b', '1', 't']));
  expect(announced.map(({ op, isLast }) => [op, isLast]).slice(0, -1)).toEqual([
    ['INSERT', false],
    ['TRUNCATE', true],
    ['INSERT', true],
  ]);
});

test('A large value that an update left unchanged is that of the row before', () => {
  const [announced] = transaction(update(7, ['a', '1', 'large'], ['a', '2', undefined]));
  expect(announced.rows).toEqual([
    { id: 'a', version: 2, old: { row_version: 1 }, new: { id: 'a', row_version: 2, title: 'large' } },
  ]);
});

describe('Where the row before is not known', () => {
  test('an update tells the row after', () => {
    const [announced] = transaction(update(7, null, ['a', '2', 't']));
    expect(announced.rows).toEqual([{ id: 'a', version: 2, new: { id: 'a', row_version: 2, title: 't' } }]);
  });

  test('and a value is missing, an update tells the version only', () => {
    const [announced] = transaction(update(7, null, ['a', '2', undefined]));
    expect(announced.rows).toEqual([{ id: 'a', version: 2 }]);
  });

  test('but its key, that is not taken for the whole row', () => {
    const [announced] = transaction(update(7, ['b', null, null], ['a', '2', 't'], 'K'));
    expect(announced.rows).toEqual([{ id: 'a', version: 2, new: { id: 'a', row_version: 2, title: 't' } }]);
  });

  test('a deletion is announced as any change of the table, once', () => {
    const announced = transaction(remove(7, ['a', null, null], 'K'), remove(7, ['b', null, null], 'K'));
    expect(announced).toEqual([{ ...HEAD, op: 'TRUNCATE', isLast: true, rows: [] }, { mark: HEAD.xid }]);
  });
});

test('A row of more than 64 KiB is announced by its version only', () => {
  const [announced] = transaction(insert(7, ['a', '1', 'x'.repeat(70_000)]));
  expect(announced.rows).toEqual([{ id: 'a', version: 1 }]);
});

test('After 8 MB of a transaction each further table is announced as a whole, and the next transaction by rows', () => {
  const big = Array.from({ length: 200 }, (_unused, index) => insert(7, [`r${index}`, '1', 'x'.repeat(50_000)]));
  const { read } = translate(ROOM, begin(3, 5), ...big, commit(), begin(4, 6), insert(7, ['n', '1', 't']), commit());
  const first = read.filter(({ xid }) => xid === HEAD.xid);
  const rows = first.filter(({ op }) => op === 'INSERT').flatMap(({ rows }) => rows);
  expect(rows).toHaveLength(160);
  expect(first.filter(({ op }) => op === 'TRUNCATE')).toHaveLength(1);
  expect(read.at(-2)).toMatchObject({ xid: '4294967300', op: 'INSERT', rows: [{ id: 'n' }] });
});

test('After ALTER TABLE rows have the columns that the stream describes anew', () => {
  const altered = relation(7, 'room', { id: TEXT, row_version: BIGINT, floor: 23 });
  const [before, after] = transaction(insert(7, ['a', '1', 't']), altered, insert(7, ['b', '1', '4']));
  expect([before.isLast, after.isLast]).toEqual([false, true]);
  expect(after.rows[0].new).toEqual({ id: 'b', row_version: 1, floor: 4 });
});

test('What tells of types and of other origins is passed over', () => {
  const [announced] = transaction(Buffer.from('Y'), Buffer.from('O'), insert(7, ['a', '1', 't']));
  expect(announced.rows).toHaveLength(1);
});

test('Columns are found by their names, in whatever order the table has them', () => {
  const turned = relation(8, 'desk', { title: TEXT, row_version: BIGINT, id: TEXT });
  const [announced] = transaction(turned, insert(8, ['t', '3', 'a']));
  expect(announced.rows).toMatchObject([{ id: 'a', version: 3 }]);
});

test.each([
  ['an id', { row_version: BIGINT, title: TEXT }],
  ['a version', { id: TEXT, title: TEXT }],
])('A table without %s is announced as a whole', (_what, columns) => {
  const [announced] = transaction(relation(8, 'desk', columns), insert(8, ['1', 't']));
  expect(announced).toMatchObject({ table: 'desk', op: 'TRUNCATE', rows: [] });
});

test('Messages of instances pass in their place, and those with another prefix do not', () => {
  const [inserted, hello, updated] = transaction(
    ...[insert(7, ['a', '1', 't']), sent('theirs', 'not this'), sent('ours', 'hello'), insert(7, ['b', '1', 't'])],
  );
  expect([inserted.isLast, hello, updated.isLast]).toEqual([true, 'hello', true]);
});

test('A transaction that holds messages only has no mark', () => {
  expect(translate(begin(3), sent('ours', 'hello'), commit()).read).toEqual(['hello']);
});

test.each([
  ['boolean', 16, 't', true],
  ['boolean', 16, 'f', false],
  ['numeric', 1700, null, null],
  ['boolean', 16, null, null],
  ['smallint', 21, '-3', -3],
  ['double precision', 701, '1e-05', 0.00001],
  ['double precision', 701, 'NaN', 'NaN'],
  ['numeric', 1700, '12.50', 12.5],
  ['numeric', 1700, '-Infinity', '-Infinity'],
  ['timestamp with time zone', 1184, '2026-11-29 19:24:37.123+00', '2026-11-29T19:24:37.123+00:00'],
  ['timestamp with time zone', 1184, '0044-03-15 00:00:00+00 BC', '0044-03-15T00:00:00+00:00 BC'],
  ['timestamp with time zone', 1184, 'infinity', 'infinity'],
  ['jsonb', 3802, '{"a": [1, null]}', { a: [1, null] }],
  ['text[]', 1009, '{a,"b c",NULL,"q\\"uote"}', ['a', 'b c', null, 'q"uote']],
  ['inet', 869, '::1', '::1'],
  ['integer[]', 1007, '{1,2}', '{1,2}'],
])('A value of %s has the form that to_json() gives it: %#', (_type, oid, text, expected) => {
  const table = relation(9, 'thing', { id: TEXT, row_version: BIGINT, value: oid });
  const [announced] = translate(table, begin(1), insert(9, ['a', '1', text]), commit()).read;
  expect(announced.rows[0].new.value).toEqual(expected);
});

test.each([
  ['cut off', ROOM.subarray(0, 20)],
  ['of another protocol', Buffer.from('Z')],
  ['a change outside of a transaction', insert(7, ['a', '1', 't'])],
])('A stream that is %s is refused', (_what, message) => {
  expect(() => translate(ROOM, message)).toThrow(RangeError);
});

test.each([
  ['whose row is cut off', [ROOM, begin(3), insert(7, ['a', '1', 'text']).subarray(0, -2)]],
  ['of a table that it did not describe', [begin(3), insert(7, ['a', '1', 't'])]],
])('A change %s is refused', (_what, messages) => {
  expect(() => translate(...messages)).toThrow(RangeError);
});
