import { batchAcrossRequests } from '../../src/collections/reading/batch-across-requests.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Rows for all ids but those that begin with `no`, and what was asked for. */
function createTable() {
  const statements: (readonly string[])[] = [];
  const find = batchAcrossRequests(async (ids: readonly string[]) => {
    statements.push(ids);
    return ids.filter((id) => !id.startsWith('no')).map((id) => ({ id, statement: statements.length }));
  });
  return { statements, find };
}

const idsUpTo = (count: number, prefix = 'r') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

test('what is asked for in one turn is read in one statement, each row once, and everybody gets their own', async () => {
  const { statements, find } = createTable();
  const [one, two, three] = await Promise.all([find(['a', 'b']), find(['b', 'none']), find(['nobody'])]);
  expect(statements).toEqual([['a', 'b', 'none', 'nobody']]);
  expect(one).toEqual([
    { id: 'a', statement: 1 },
    { id: 'b', statement: 1 },
  ]);
  expect(two).toEqual([{ id: 'b', statement: 1 }]);
  expect(three).toEqual([]);
});

test('who asks while a statement runs waits for the next one, which may see what this one does not', async () => {
  const { statements, find } = createTable();
  const first = find(['a']);
  await nextTurn();
  await Promise.resolve();
  expect(statements).toEqual([['a']]);
  expect(await find(['a'])).toEqual([{ id: 'a', statement: 2 }]);
  expect(await first).toEqual([{ id: 'a', statement: 1 }]);
});

test('a statement asks for a thousand ids at most, unless one reader wants more', async () => {
  const { statements, find } = createTable();
  const asked = [idsUpTo(600, 'a'), idsUpTo(600, 'b'), idsUpTo(400, 'c'), idsUpTo(1500, 'd')];
  const found = await Promise.all(asked.map((ids) => find(ids)));
  expect(found.map(({ length }) => length)).toEqual([600, 600, 400, 1500]);
  expect(statements.map(({ length }) => length)).toEqual([600, 1000, 1500]);
});

test('a failure is that of all who share the statement, and of nobody after them', async () => {
  const failure = new Error('away');
  let count = 0;
  const find = batchAcrossRequests(async ([id]: readonly string[]) => {
    if (++count === 1) throw failure;
    return [{ id: id! }];
  });
  const outcomes = await Promise.allSettled([find(['a']), find(['b'])]);
  expect(outcomes).toEqual([
    { status: 'rejected', reason: failure },
    { status: 'rejected', reason: failure },
  ]);
  expect(await find(['c'])).toEqual([{ id: 'c' }]);
});
