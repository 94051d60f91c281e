import { answered, BOUNDS, count, held, list, makeUpHistory, record, summary } from './made-up-history.ts';

const SECOND = { operatingSystem: 'second' };
const ONLINE = { status: ['ONLINE'] };
/** The bound of a live query, with its throttle. */
const BOUND_MS = BOUNDS.liveDeltaMs + 100;

/** A row that became ONLINE at 1,000 ms and OFFLINE again at 2,000 ms. */
function comeAndGone() {
  const madeUp = makeUpHistory();
  const row = madeUp.row('a').change({ status: 'ONLINE' }, { invokedAtMs: 1000 });
  row.change({ status: 'OFFLINE' }, { invokedAtMs: 2000 });
  return { madeUp, row };
}

describe('the answers to a live query', () => {
  test('follow the changes, each within the bound', () => {
    const { madeUp, row } = comeAndGone();
    const answers = [
      answered(1, list([], ONLINE)),
      answered(1250, list([row.at(2)], ONLINE)),
      answered(2200, list([], ONLINE)),
    ];
    madeUp.live(answers, 5000);
    expect(madeUp.rules()).toEqual([]);
  });

  test('may leave out a state that lasted shorter than the bound', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change({ status: 'ONLINE' }, { invokedAtMs: 1000 });
    row.change({ status: 'OFFLINE' }, { invokedAtMs: 1100 });
    madeUp.live([answered(1, count(0, ONLINE))], 5000);
    expect(madeUp.rules()).toEqual([]);
  });

  test('are not lost between others', () => {
    const { madeUp, row } = comeAndGone();
    madeUp.live([answered(1, count(0, ONLINE)), answered(2200, record(row, row.at(3)))], 2300);
    expect(madeUp.rules()).toEqual([]);
    row.change({ status: 'ONLINE' }, { invokedAtMs: 4000 });
    madeUp.live([answered(1, count(0, ONLINE)), answered(4900, count(1, ONLINE))], 5000);
    expect(madeUp.rules()).toEqual(['missing-live-answer']);
  });

  test('are not late', () => {
    const { madeUp, row } = comeAndGone();
    const late = 1000 + BOUND_MS + 50;
    madeUp.live([answered(1, list([], ONLINE)), answered(late, list([row.at(2)], ONLINE))], late + 1);
    expect(madeUp.rules()).toEqual(['missing-live-answer']);
  });

  test('do not go back: not in their rows, not in a count', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { invokedAtMs: 1000 });
    madeUp.live(
      [1, 2, 1, 2].map((version, at) => answered(1010 + at, record(row, row.at(version)))),
      1020,
    );
    expect(madeUp.rules()).toContain('went-backwards');
    const counted = comeAndGone();
    counted.madeUp.live(
      [0, 1, 0, 1].map((online, at) => answered(1010 + at, count(online, ONLINE))),
      1020,
    );
    expect(counted.madeUp.rules()).toEqual(['wrong-live-answer']);
  });

  test('follow each change of their order, whatever else changes', () => {
    const byUsage = { ...ONLINE, orderBy: { field: 'CPU_USAGE', direction: 'ASC' }, first: 5 } as const;
    const madeUp = makeUpHistory();
    const [moving, fixed] = [1, 2].map((cpuUsage) =>
      madeUp.row(`row ${cpuUsage}`, { status: 'ONLINE', cpuUsage }),
    ) as any;
    const other = madeUp.row('other');
    moving.report(3, { invokedAtMs: 1000 });
    for (const invokedAtMs of [990, 995, 1005, 1010]) other.change(SECOND, { invokedAtMs });
    const [before, after] = [1, 3].map((cpuUsage) => moving.at(1, { cpuUsage }));
    const first = answered(1, list([before, fixed.at(1)], byUsage));
    const moved = answered(1020, list([fixed.at(1), after], byUsage));
    madeUp.live([first, moved], 1030);
    expect(madeUp.rules()).toEqual([]);
    const back = answered(1022, list([after, fixed.at(1)], byUsage));
    madeUp.live([first, moved, back, { ...moved, atMs: 1024 }], 1030);
    expect(madeUp.rules()).toEqual(['wrong-live-answer']);
  });

  test('may be of different moments in a page and its count', () => {
    const { madeUp, row } = comeAndGone();
    const page = list([], ONLINE);
    const both = page.kind === 'list' ? { ...page, totalCount: 1 } : page;
    madeUp.live([answered(1, count(0, ONLINE)), answered(1100, both), answered(1110, list([row.at(2)], ONLINE))], 1120);
    expect(madeUp.rules()).toEqual([]);
  });

  test('show what the instance had answered before the query was opened', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a').change(SECOND, { via: 1, invokedAtMs: 1000 });
    madeUp.live([answered(1010, record(row, row.at(1)))], 1020);
    madeUp.history.liveQueries[0]!.openedAtMs = 1005;
    expect(madeUp.rules()).toEqual(['stale-read']);
  });

  test('may be missing during a fault of the instance, and not after it', () => {
    const { madeUp, row } = comeAndGone();
    madeUp.fault('kill-feed', 900, 3000, 1);
    madeUp.live([answered(1, list([], ONLINE))], 3000 + BOUND_MS - 10);
    expect(madeUp.rules()).toEqual([]);
    madeUp.live([answered(1, record(row, row.at(1)))], 3000 + BOUND_MS + 10);
    expect(madeUp.rules()).toEqual(['missing-live-answer']);
  });

  test('may not be missing during a fault of another instance, or before a fault', () => {
    const { madeUp } = comeAndGone();
    madeUp.fault('kill-feed', 900, 3000, 2);
    madeUp.live([answered(1, count(0, ONLINE))], 1900);
    expect(madeUp.rules()).toEqual(['missing-live-answer']);
    const other = comeAndGone();
    other.madeUp.fault('kill-feed', 1000 + BOUND_MS + 50, 3000, 1);
    other.madeUp.live([answered(1, count(0, ONLINE)), answered(2900, count(0, ONLINE))], 3010);
    expect(other.madeUp.rules()).toEqual(['missing-live-answer']);
  });

  test('come at all, and again after an error', () => {
    const { madeUp } = comeAndGone();
    madeUp.live([], 2500);
    madeUp.live([answered(1)], 2500);
    expect(madeUp.rules()).toEqual(['missing-live-answer', 'missing-live-answer']);
    const soon = comeAndGone();
    soon.madeUp.live([answered(1), answered(900, count(0, ONLINE))], 950).live([], 100);
    expect(soon.madeUp.rules()).toEqual([]);
  });

  test('agree with PostgreSQL in the end', () => {
    const { madeUp, row } = comeAndGone();
    madeUp.finally(held(row, 3));
    madeUp.live([answered(1, count(0, ONLINE))]);
    expect(madeUp.rules()).toEqual([]);
    madeUp.live([answered(1100, count(1, ONLINE))]);
    expect(madeUp.rules()).toEqual(['differs-after-quiet']);
  });
});

describe('a summary', () => {
  const figures = (status: string, cpuUsage: number | null) => ({
    total: 1,
    unmanaged: 1,
    byStatus: new Map([[status, 1]]),
    cpuUsage: { reported: cpuUsage === null ? 0 : 1, minimum: cpuUsage, average: cpuUsage, maximum: cpuUsage },
  });

  test('shows the figures of one moment', () => {
    const madeUp = makeUpHistory();
    madeUp.row('a').report(50, { invokedAtMs: 1000, answeredAtMs: 1100 });
    madeUp.read({ startedAtMs: 500 }, summary(figures('OFFLINE', null)));
    madeUp.read({ startedAtMs: 1050 }, summary(figures('OFFLINE', null)));
    madeUp.read({ startedAtMs: 1050 }, summary(figures('OFFLINE', 50)));
    madeUp.read({ startedAtMs: 1500 }, summary(figures('OFFLINE', 50)), summary({}, ONLINE));
    expect(madeUp.rules()).toEqual([]);
  });

  test.each([
    ['a wrong total', { ...figures('OFFLINE', 50), total: 2 }],
    ['a wrong status', figures('ONLINE', 50)],
    ['the usage of before', figures('OFFLINE', null)],
    ['a usage that was never reported', figures('OFFLINE', 51)],
    ['a wrong mean', { ...figures('OFFLINE', 50), cpuUsage: { reported: 1, minimum: 50, average: 50.1, maximum: 50 } }],
    ['an operating system of before', { ...figures('OFFLINE', 50), byOperatingSystem: new Map([['older', 1]]) }],
    ['no operating systems', { ...figures('OFFLINE', 50), byOperatingSystem: new Map() }],
  ])('is found with %s', (_what, wrong) => {
    const madeUp = makeUpHistory();
    madeUp.row('a').report(50, { invokedAtMs: 1000 });
    madeUp.read({ startedAtMs: 1500 }, summary(wrong));
    expect(madeUp.rules()).toEqual(['wrong-summary']);
  });

  test('follows each report as the answer to a live query', () => {
    const madeUp = makeUpHistory();
    madeUp.row('a').report(50, { invokedAtMs: 1000 }).report(60, { invokedAtMs: 2000 });
    const first = answered(1, summary(figures('OFFLINE', null)));
    madeUp.live([first, answered(1010, summary(figures('OFFLINE', 50)))], 1020);
    expect(madeUp.rules()).toEqual([]);
    madeUp.live([first, answered(1010, summary(figures('OFFLINE', 60)))], 1020);
    expect(madeUp.rules()).toEqual(['wrong-live-answer']);
  });

  test('agrees with PostgreSQL in the end', () => {
    const madeUp = makeUpHistory();
    const row = madeUp.row('a');
    madeUp.finally(held(row, 1));
    madeUp.read({ startedAtMs: 1500, isFinal: true }, summary(figures('OFFLINE', null)));
    expect(madeUp.rules()).toEqual([]);
    madeUp.live([answered(1500, summary({}))]);
    expect(madeUp.rules()).toContain('differs-after-quiet');
  });
});
