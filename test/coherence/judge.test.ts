import { judge } from './judge.ts';
import { BOUNDS, count, held, list, makeUpHistory, record, refetch, told } from './made-up-history.ts';

const BIG = 'x'.repeat(9000);

describe('every value read was written', () => {
  test('accepts written values, and values that may have been written', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 10, answeredAtMs: null });
    madeUp.read({ startedAtMs: 5 }, record(row, row.at(1)));
    madeUp.read({ startedAtMs: 20 }, record(row, row.at(2)));
    expect(madeUp.rules()).toEqual([]);
  });

  test('tells the reports of one version apart', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').report(1, { invokedAtMs: 100 }).report(2, { invokedAtMs: 200 });
    madeUp.read({ startedAtMs: 400 }, record(row, row.at(1, { cpuUsage: 2 })));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 500 }, record(row, row.at(1, { cpuUsage: 1 })));
    madeUp.read({ startedAtMs: 600 }, record(row, row.at(1, { cpuUsage: 3 })));
    expect(madeUp.rules().sort()).toEqual(['never-written', 'stale-read', 'went-backwards']);
  });

  test('finds a version that was never written', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a');
    madeUp.read({ startedAtMs: 5 }, record(row, row.at(2)));
    expect(madeUp.rules()).toEqual(['never-written']);
  });

  test('finds a version with the content of another version', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 10 });
    madeUp.read({ startedAtMs: 20 }, record(row, row.at(2, { operatingSystem: 'first' })));
    expect(madeUp.rules()).toEqual(['never-written']);
  });

  test('finds a value that was read before it was written', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 10 });
    madeUp.read({ startedAtMs: 5, endedAtMs: 9 }, record(row, row.at(2)));
    expect(madeUp.rules()).toEqual(['never-written']);
  });

  test('finds a row that was never created', () => {
    const madeUp = makeUpHistory();
    const stranger = makeUpHistory().row('stranger');
    madeUp.read({ startedAtMs: 5 }, record(stranger, stranger.at(1)));
    expect(madeUp.rules()).toEqual(['never-written']);
  });

  test('identifies a row by its name if its creation was never answered', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a');
    const seen = row.at(1);
    Object.assign(row.log.writes[0]!, { answeredAtMs: null, outcome: 'unknown' });
    row.log.id = null;
    madeUp.read({ startedAtMs: 5 }, list([seen]));
    expect(madeUp.rules()).toEqual([]);
  });

  test('finds a value of a write that certainly failed', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 10 });
    const seen = row.at(2);
    row.log.writes[1]!.outcome = 'failed';
    madeUp.read({ startedAtMs: 20 }, record(row, seen));
    expect(madeUp.rules()).toEqual(['never-written']);
  });
});

describe('no read is older than promised', () => {
  const SECOND = { operatingSystem: 'second' };

  test('accepts the old value before the write is answered', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300, answeredAtMs: 310 });
    madeUp.read({ startedAtMs: 309, endedAtMs: 400 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
  });

  test('finds the old value on the instance that answered the write, however soon', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300, answeredAtMs: 310 });
    madeUp.read({ instance: 1, startedAtMs: 310.1 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['stale-read']);
  });

  test('finds the old value on another instance that was told the position of the write, or of a later one', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300, answeredAtMs: 310 });
    const other = madeUp.row('b').change(SECOND, { via: 1, invokedAtMs: 311 });
    const [write, later] = [row, other].map(({ log }) => log.writes[1]!);
    madeUp.read({ instance: 2, startedAtMs: 311 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ instance: 2, startedAtMs: 311, after: write! }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['stale-read']);
    madeUp.history.reads.pop();
    madeUp.read({ instance: 2, startedAtMs: 313, after: later! }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['stale-read']);
  });

  test('accepts an old value under a position that does not cover the write', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300, answeredAtMs: 310 });
    const other = madeUp.row('b').change(SECOND, { via: 1, invokedAtMs: 309, answeredAtMs: 312 });
    madeUp.read({ instance: 2, startedAtMs: 313, after: other.log.writes[1]! }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
  });

  test.each([
    ['another instance', 2],
    ['plain SQL', null],
  ])('allows the bound to an instance that has to hear of the write from %s', (_whom, via) => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via, invokedAtMs: 300, answeredAtMs: 310 });
    madeUp.read({ instance: 1, startedAtMs: 409 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ instance: 1, startedAtMs: 411 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['stale-read']);
  });

  test('allows an instance more time to notice a silent feed, but not forever', () => {
    const madeUp = makeUpHistory().fault('freeze-feed', 300, 2000, 1);
    const row = madeUp.row('a').change(SECOND, { via: 2, invokedAtMs: 300, answeredAtMs: 310 });
    madeUp.read({ instance: 1, startedAtMs: 1300 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ instance: 1, startedAtMs: 1311 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['stale-read']);
  });

  test('allows no extra time to other instances, nor for a loss that is noticed at once', () => {
    const madeUp = makeUpHistory().fault('freeze-feed', 300, 2000, 2).fault('cut', 300, 2000, 1);
    const row = madeUp.row('a').change(SECOND, { via: 2, invokedAtMs: 300, answeredAtMs: 310 });
    madeUp.read({ instance: 1, startedAtMs: 500 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['stale-read']);
  });

  test('excuses an answer that is marked as stale', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300 });
    madeUp.read({ startedAtMs: 5000, isStale: true }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
  });

  test('does not require a write that was never answered', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300, answeredAtMs: null });
    madeUp.read({ startedAtMs: 5000 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
  });

  test('reports the read value, the written value, and the time between them', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300, answeredAtMs: 310 });
    madeUp.read({ startedAtMs: 335 }, record(row, row.at(1)));
    const [violation] = judge(madeUp.history, BOUNDS).violations;
    expect(violation!.text.split(/\n\s*/)).toEqual([
      'read 3 of a reader on instance 1 (started 0.3350 s, answered 0.3360 s) showed a: version 1 by write 1 ' +
        '(plain SQL, invoked 0.0000 s, answered 0.0010 s, ok),',
      'although it was version 2 by write 2 (instance 1, invoked 0.3000 s, answered 0.3100 s, ok),',
      'answered 25.0 ms before the read started; allowed: 0 ms.',
    ]);
  });

  test('counts a repeated violation once', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 300 });
    madeUp.read({ startedAtMs: 400 }, record(row, row.at(1))).read({ startedAtMs: 410 }, record(row, row.at(1)));
    expect(judge(madeUp.history, BOUNDS).violations).toMatchObject([{ rule: 'stale-read', count: 2 }]);
  });
});

describe('each session is monotonic', () => {
  test('accepts different readers at different states', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { via: 2, invokedAtMs: 300 });
    madeUp.read({ session: 'one', startedAtMs: 310 }, record(row, row.at(2)));
    madeUp.read({ session: 'other', startedAtMs: 320 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual([]);
  });

  test('finds a reader that sees an older state than before', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { via: 2, invokedAtMs: 300 });
    madeUp.read({ startedAtMs: 310 }, list([row.at(2)]));
    madeUp.read({ startedAtMs: 320 }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['went-backwards']);
  });
});

describe('deleted stays deleted', () => {
  test('accepts a deleted row on an instance that does not know of the deletion yet', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').delete({ via: 2, invokedAtMs: 300 });
    madeUp.read({ instance: 1, startedAtMs: 310 }, record(row, row.at(1)));
    madeUp.read({ instance: 1, startedAtMs: 320 }, record(row, null));
    expect(madeUp.rules()).toEqual([]);
  });

  test('finds a row that returns after the instance reported it deleted, even in an answer marked stale', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').delete({ via: 2, invokedAtMs: 300 });
    madeUp.read({ instance: 1, startedAtMs: 310 }, record(row, null));
    madeUp.read({ instance: 1, startedAtMs: 320, isStale: true }, list([row.at(1)]));
    expect(madeUp.rules()).toEqual(['deleted-came-back']);
  });

  test('finds a row that returns on the instance that deleted it', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').delete({ via: 1, invokedAtMs: 300, answeredAtMs: 305 });
    madeUp.read({ instance: 1, startedAtMs: 306, isStale: true }, record(row, row.at(1)));
    expect(madeUp.rules()).toEqual(['deleted-came-back']);
  });

  test('finds a row that is missing although it was never deleted', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a');
    madeUp.read({ startedAtMs: 50 }, record(row, null));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 200 }, record(row, null));
    expect(madeUp.rules()).toEqual(['missing-row']);
  });
});

describe('lists', () => {
  const ONLINE = { status: ['ONLINE'] };

  test('may contain a row that is moving at that time, or not', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ status: 'ONLINE' }, { via: 2, invokedAtMs: 300 });
    madeUp.read({ session: 'one', startedAtMs: 310 }, list([row.at(1)], ONLINE), list([], ONLINE), count(0, ONLINE));
    madeUp.read({ session: 'two', startedAtMs: 310 }, list([row.at(2)], ONLINE), count(1, ONLINE));
    expect(madeUp.rules()).toEqual([]);
  });

  test('contain a row that entered', () => {
    const madeUp = makeUpHistory();
    madeUp.row('a').change({ status: 'ONLINE' }, { via: 1, invokedAtMs: 300 });
    madeUp.read({ startedAtMs: 302 }, list([], ONLINE));
    expect(madeUp.rules()).toEqual(['missing-row']);
  });

  test('do not contain a row that left', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a', { status: 'ONLINE' }).change({ status: 'ERROR' }, { via: 1, invokedAtMs: 300 });
    madeUp.read({ startedAtMs: 302 }, list([row.at(2)], ONLINE));
    expect(madeUp.rules()).toEqual(['foreign-row']);
  });

  test('contain created rows and no deleted rows', () => {
    const madeUp = makeUpHistory();
    const gone = madeUp.row('gone').delete({ via: 2, invokedAtMs: 300 });
    madeUp.row('here');
    madeUp.read({ startedAtMs: 500 }, list([gone.at(1)]));
    expect(madeUp.rules().sort()).toEqual(['foreign-row', 'missing-row', 'stale-read']);
  });

  test('are filtered by manager, by the absence of one, and by name', () => {
    const madeUp = makeUpHistory();
    const managed = madeUp.row('One', { managerId: 'm' });
    const free = madeUp.row('two');
    madeUp.read(
      { startedAtMs: 200 },
      list([managed.at(1)], { managerId: 'm' }),
      list([free.at(1)], { unmanaged: true }),
      list([managed.at(1)], { nameContains: 'one' }),
    );
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 200 }, list([managed.at(1)], { unmanaged: true }));
    expect(madeUp.rules()).toEqual(['foreign-row', 'missing-row']);
  });

  test('count every row that certainly belongs, and may count rows that possibly belong', () => {
    const madeUp = makeUpHistory();
    madeUp.row('a', { status: 'ONLINE' });
    madeUp.row('b').change({ status: 'ONLINE' }, { via: 2, invokedAtMs: 300 });
    madeUp.read({ startedAtMs: 310 }, count(1, ONLINE), count(2, ONLINE));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 310 }, count(0, ONLINE)).read({ startedAtMs: 310 }, count(3, ONLINE));
    expect(madeUp.rules()).toEqual(['wrong-count', 'wrong-count']);
  });

  test('are in order, with missing values last and equal values by id', () => {
    const byUsage = { orderBy: { field: 'CPU_USAGE', direction: 'DESC' } } as const;
    const madeUp = makeUpHistory();
    const [a, b, c, d] = [5, 7, 7, null].map((cpuUsage, index) => madeUp.row('abcd'[index]!, { cpuUsage })) as any;
    madeUp.read({ startedAtMs: 200 }, list([c.at(1), b.at(1), a.at(1), d.at(1)], byUsage));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 200 }, list([b.at(1), c.at(1), a.at(1), d.at(1)], byUsage));
    expect(madeUp.rules()).toEqual(['wrong-order']);
  });

  test('may show a moving row at either position', () => {
    const byUsage = { orderBy: { field: 'CPU_USAGE', direction: 'ASC' } } as const;
    const madeUp = makeUpHistory();
    const fixed = madeUp.row('fixed', { cpuUsage: 5 });
    const moving = madeUp.row('moving', { cpuUsage: 3 }).change({ cpuUsage: 9 }, { via: 2, invokedAtMs: 300 });
    madeUp.read({ session: 'one', startedAtMs: 310 }, list([moving.at(2), fixed.at(1)], byUsage));
    madeUp.read({ session: 'two', startedAtMs: 310 }, list([fixed.at(1), moving.at(1)], byUsage));
    expect(madeUp.rules()).toEqual([]);
  });

  test('cover, page by page, the rows between the cursor and the last row', () => {
    const madeUp = makeUpHistory();
    const [oldest, middle, newest] = [1, 2, 3].map((at) => madeUp.row(`row ${at}`, {}, at)) as any;
    const after = { value: 3, id: newest.log.id };
    madeUp.read({ startedAtMs: 200 }, list([newest.at(1)], { first: 1 }, true));
    madeUp.read({ startedAtMs: 200 }, list([middle.at(1)], { first: 1, after }, true));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 200 }, list([oldest.at(1)], { first: 1, after }, false));
    expect(madeUp.rules()).toEqual(['missing-row']);
  });

  test('read backward cover the rows between the cursor and the first row, in the other direction', () => {
    const madeUp = makeUpHistory();
    const [oldest, middle, newest] = [1, 2, 3].map((at) => madeUp.row(`row ${at}`, {}, at)) as any;
    const after = { value: 1, id: oldest.log.id };
    madeUp.read({ startedAtMs: 200 }, list([oldest.at(1)], { isBackward: true, first: 1 }, true));
    madeUp.read({ startedAtMs: 200 }, list([middle.at(1)], { isBackward: true, first: 1, after }, true));
    madeUp.read({ startedAtMs: 200 }, list([oldest.at(1), middle.at(1)], { isBackward: true, first: 2 }, true));
    expect(madeUp.rules()).toEqual([]);
    madeUp.read({ startedAtMs: 200 }, list([newest.at(1)], { isBackward: true, first: 1, after }, false));
    expect(madeUp.rules()).toEqual(['missing-row']);
    madeUp.read({ startedAtMs: 200 }, list([middle.at(1), oldest.at(1)], { isBackward: true, first: 2 }, true));
    expect(madeUp.rules()).toEqual(['missing-row', 'wrong-order']);
  });

  test('show no more rows than requested', () => {
    const madeUp = makeUpHistory();
    const [older, newer] = [1, 2].map((at) => madeUp.row(`row ${at}`, {}, at)) as any;
    madeUp.read({ startedAtMs: 200 }, list([newer.at(1), older.at(1)], { first: 1 }));
    expect(madeUp.rules()).toEqual(['wrong-count']);
  });
});

describe('subscribers', () => {
  const SECOND = { operatingSystem: 'second' };

  test('may receive every change, once and in order', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 }).delete({ invokedAtMs: 20 });
    madeUp.subscription([told('CREATED', 1, row, 1), told('UPDATED', 11, row, 2), told('DELETED', 21, row, null)]);
    expect(madeUp.rules()).toEqual([]);
  });

  test('receive no change that never happened', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a');
    madeUp.subscription([told('CREATED', 1, row, 1), told('DELETED', 21, row, null)]);
    expect(madeUp.rules()).toEqual(['never-written']);
  });

  test('miss no change between others', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 }).change({ status: 'ERROR' }, { invokedAtMs: 20 });
    madeUp.subscription([told('CREATED', 1, row, 1), told('UPDATED', 21, row, 3)]);
    expect(madeUp.rules()).toEqual(['missing-event']);
  });

  test('miss no change at the end, unless the socket closed first', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 });
    madeUp.subscription([told('CREATED', 1, row, 1)], 50);
    expect(madeUp.rules()).toEqual([]);
    madeUp.subscription([told('CREATED', 1, row, 1)], 500);
    expect(madeUp.rules()).toEqual(['missing-event']);
  });

  test('may miss writes while a stopping instance closes its sockets', () => {
    const madeUp = makeUpHistory().fault('restart', 400, 3000);
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 });
    madeUp.subscription([told('CREATED', 1, row, 1)], 1000);
    expect(madeUp.rules()).toEqual([]);
    madeUp.subscription([told('CREATED', 1, row, 1)], 1200);
    expect(madeUp.rules()).toEqual(['missing-event']);
  });

  test('may miss changes in a gap that is reported before any later change', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 }).change({ status: 'ERROR' }, { invokedAtMs: 20 });
    madeUp.subscription([told('CREATED', 1, row, 1), refetch(15), told('UPDATED', 21, row, 3)]);
    expect(madeUp.rules()).toEqual([]);
    madeUp.subscription([told('CREATED', 1, row, 1), told('UPDATED', 21, row, 3), refetch(22)]);
    expect(madeUp.rules()).toEqual(['missing-event']);
  });

  test('receive no change twice', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 });
    madeUp.subscription([told('CREATED', 1, row, 1), told('UPDATED', 11, row, 2), told('UPDATED', 12, row, 2)]);
    expect(madeUp.rules()).toEqual(['events-out-of-order']);
  });

  test('receive changes of different rows in commit order', () => {
    const madeUp = makeUpHistory();
    const first = madeUp.row('first', {}, 10);
    const second = madeUp.row('second', {}, 20);
    madeUp.subscription([refetch(1), told('CREATED', 30, second, 1), told('CREATED', 31, first, 1)]);
    expect(madeUp.rules()).toEqual(['events-out-of-order']);
  });

  test('may receive concurrent writes in either order', () => {
    const madeUp = makeUpHistory();
    const first = madeUp.row('first', {}, 10);
    const second = madeUp.row('second', {}, 10.5);
    madeUp.subscription([refetch(1), told('CREATED', 30, second, 1), told('CREATED', 31, first, 1)]);
    expect(madeUp.rules()).toEqual([]);
  });

  test('may see a newer state instead of a row too big to be announced', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: BIG }, { invokedAtMs: 10 });
    row.change(SECOND, { invokedAtMs: 12 });
    const late = told('UPDATED', 20, row, 3);
    madeUp.subscription([told('CREATED', 1, row, 1), late, late]);
    expect(madeUp.rules()).toEqual([]);
  });
});

describe('after quiet', () => {
  test('accepts instances that agree with PostgreSQL', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ status: 'ERROR' }, { invokedAtMs: 10 });
    madeUp.read({ startedAtMs: 900, isFinal: true }, record(row, row.at(2)), list([row.at(2)]), count(1));
    madeUp.finally(held(row, 2));
    expect(madeUp.rules()).toEqual([]);
  });

  test('finds an instance that disagrees, even within the allowed delay', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 890 });
    madeUp.read(
      { startedAtMs: 900, isFinal: true },
      record(row, row.at(1)),
      list([]),
      count(2, { status: ['OFFLINE'] }),
    );
    madeUp.finally(held(row, 2));
    expect(madeUp.rules().filter((rule) => rule === 'differs-after-quiet')).toHaveLength(3);
  });

  test('finds an answered write that is missing in PostgreSQL', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 10 });
    madeUp.row('b');
    madeUp.finally(held(row, 1));
    expect(madeUp.rules()).toEqual(['lost-write', 'lost-write']);
  });

  test('accepts an unanswered write in PostgreSQL or its absence', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ operatingSystem: 'second' }, { invokedAtMs: 10, answeredAtMs: null });
    madeUp.finally(held(row, 1));
    expect(madeUp.rules()).toEqual([]);
    madeUp.finally(held(row, 2));
    expect(madeUp.rules()).toEqual([]);
  });
});

test('what a server finds stale in its own cache is a violation', () => {
  const madeUp = makeUpHistory();
  madeUp.history.audits.push({ instance: 1, audited: 90, stale: 0 }, { instance: 2, audited: 70, stale: 3 });
  expect(judge(madeUp.history, BOUNDS).violations).toMatchObject([
    { rule: 'stale-by-audit', text: 'The audit of instance 2 found 3 stale values in its cache.' },
  ]);
});

test('an anomaly noted during the run is a violation', () => {
  const madeUp = makeUpHistory();
  madeUp.history.anomalies.push({ atMs: 5, text: 'instance 1 ended with SIGSEGV' });
  expect(judge(madeUp.history, BOUNDS).violations).toMatchObject([
    { rule: 'anomaly', text: 'instance 1 ended with SIGSEGV' },
  ]);
});

test('Δ is reported separately for times with and without faults', () => {
  const madeUp = makeUpHistory().fault('kill-feed', 1000, 2000);
  for (const delayMs of [1, 2, 3]) {
    madeUp.history.propagations.push({ instance: 1, answeredAtMs: 100, seenAtMs: 100 + delayMs });
  }
  madeUp.history.propagations.push({ instance: 1, answeredAtMs: 990, seenAtMs: 1400 });
  expect(judge(madeUp.history, BOUNDS).delta).toEqual({
    withoutFaults: { count: 3, p50Ms: 2, p99Ms: 3, maxMs: 3 },
    underFaults: { count: 1, p50Ms: 410, p99Ms: 410, maxMs: 410 },
  });
});
