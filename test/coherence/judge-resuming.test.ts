import { judge } from './judge.ts';
import { BOUNDS, makeUpHistory, refetch, told } from './made-up-history.ts';

const SECOND = { operatingSystem: 'second' };
const ON_SAME = { atMs: 500, instance: 1 };
const ON_OTHER = { atMs: 500, instance: 2 };

/** A row that was changed at 10, and again at 400 ms, while a subscriber was cut off that resumed at 500 ms. */
function changedTwice() {
  const madeUp = makeUpHistory();
  const row = madeUp.row('a').change(SECOND, { invokedAtMs: 10 }).change({ status: 'ERROR' }, { invokedAtMs: 400 });
  return { madeUp, row, before: [told('CREATED', 1, row, 1), told('UPDATED', 11, row, 2)] };
}

describe('subscribers that resume', () => {
  test('are told what they missed, on any instance', () => {
    const { madeUp, row, before } = changedTwice();
    madeUp.resuming([...before, told('UPDATED', 510, row, 3)], ON_SAME);
    madeUp.resuming([...before, told('UPDATED', 510, row, 3)], ON_OTHER);
    expect(madeUp.rules()).toEqual([]);
  });

  test('miss nothing', () => {
    const { madeUp, before } = changedTwice();
    madeUp.resuming(before, ON_SAME);
    expect(madeUp.rules()).toEqual(['missing-event']);
  });

  test('miss nothing for which they were connected long enough', () => {
    const { madeUp, before } = changedTwice();
    const closing = (closedAtMs: number, untilMs?: number) => {
      madeUp.resuming(before, { ...ON_SAME, ...(untilMs && { untilMs }) });
      const subscription = madeUp.history.subscriptions.pop()!;
      madeUp.history.subscriptions.splice(0, 1, { ...subscription, closedAtMs });
      return madeUp.rules();
    };
    expect(closing(590)).toEqual([]);
    expect(closing(610)).toEqual(['missing-event']);
    expect(closing(1000, 590)).toEqual([]);
    expect(closing(1000, 610)).toEqual(['missing-event']);
  });

  test('are told nothing twice', () => {
    const { madeUp, row, before } = changedTwice();
    madeUp.resuming([...before, told('UPDATED', 505, row, 2), told('UPDATED', 510, row, 3)], ON_SAME);
    expect(madeUp.rules()).toEqual(['events-out-of-order']);
  });

  test('fetch again only where the position may not be known', () => {
    const { madeUp, before } = changedTwice();
    madeUp.resuming([...before, refetch(510)], ON_SAME);
    expect(madeUp.rules()).toEqual(['needless-refetch']);
  });

  test('may have to fetch again where instances hear of changes in different ways', () => {
    const { madeUp, before } = changedTwice();
    madeUp.resuming([...before, refetch(510)], ON_SAME);
    expect(judge(madeUp.history, { ...BOUNDS, changeFeed: 'mixed' }).violations).toEqual([]);
  });

  test.each([
    ['a gap of the instance', 'kill-feed', null, []],
    ['a fault of another instance', 'cut', 2, ['needless-refetch']],
    ['a fault without a gap', 'kill-redis', null, ['needless-refetch']],
  ])('may have to fetch again after %s, or not', (_what, kind, instance, rules) => {
    const { madeUp, before } = changedTwice();
    madeUp.fault(kind, 200, 300, instance);
    madeUp.resuming([...before, refetch(510)], ON_SAME);
    expect(madeUp.rules()).toEqual(rules);
  });

  test('know nothing of a gap that was over before their position', () => {
    const { madeUp, row, before } = changedTwice();
    madeUp.fault('cut', 20, 300, 1);
    madeUp.resuming([...before, told('UPDATED', 410, row, 3), refetch(510)], ON_SAME);
    expect(madeUp.rules()).toEqual(['needless-refetch']);
  });

  test('may have to fetch again elsewhere with what an instance told in a gap: no other knows it', () => {
    const { madeUp, before } = changedTwice();
    madeUp.fault('freeze', 300, 600, 1);
    madeUp.resuming([...before, refetch(510), refetch(1510)], ON_SAME, { atMs: 1500, instance: 2 });
    expect(madeUp.rules()).toEqual([]);
  });

  test('need not fetch again elsewhere with what an instance told after a gap', () => {
    const { madeUp, before } = changedTwice();
    madeUp.fault('freeze', 300, 450, 1);
    madeUp.resuming([...before, refetch(510), refetch(1510)], ON_SAME, { atMs: 1500, instance: 2 });
    expect(madeUp.rules()).toEqual(['needless-refetch']);
  });

  test('may go on from before their position on an instance that is behind it', () => {
    const { madeUp, row, before } = changedTwice();
    const events = [...before, told('UPDATED', 410, row, 3), refetch(460), told('UPDATED', 470, row, 3)];
    madeUp.resuming(events, { atMs: 450, instance: 2 });
    expect(madeUp.rules()).toEqual([]);
    madeUp.resuming(events, { atMs: 450, instance: 1 });
    expect(madeUp.rules()).toEqual(['needless-refetch']);
  });
});
