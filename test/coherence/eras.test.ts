import { beginEra, bookmark } from './eras.ts';
import type { World } from './fleet.ts';
import { judge } from './judge.ts';
import { BOUNDS, makeUpHistory, record } from './made-up-history.ts';
import { createTurnstile } from './turnstile.ts';

/** A row of version 2 in the dump, which had version 3 when the dump was restored from 1,000 to 1,100 ms. */
function restore() {
  const madeUp = makeUpHistory();
  const { history } = madeUp;
  const row = madeUp.row('a').change({ operatingSystem: 'dumped' }, { invokedAtMs: 100 });
  const world: World = {
    history,
    now: () => 1100,
    managers: [],
    workstations: [row.log],
    uncertain: [],
    doomed: new Map(),
    owned: [[row.log]],
    turnstile: createTurnstile(),
    nextWriteNumber: () => 0,
    isStopping: () => false,
  };
  const mark = bookmark(world);
  row.change({ operatingSystem: 'lost' }, { invokedAtMs: 300 });
  const lost = row.at(3);
  madeUp.read({ startedAtMs: 500 }, record(row, lost));
  const late = madeUp.row('b', {}, 600);
  world.workstations.push(late.log);
  madeUp.read({ startedAtMs: 1050 }, record(row, lost));
  beginEra(world, mark, 1000, 1200);
  const rules = () => judge(history, BOUNDS).violations.map(({ rule }) => rule);
  return { madeUp, world, row, lost, rules };
}

describe('a history with a restore', () => {
  test('goes on with the rows of the dump', () => {
    const { madeUp, world, row, rules } = restore();
    expect(world.workstations).toEqual([row.log]);
    madeUp.read({ startedAtMs: 1500 }, record(row, row.at(2)));
    row.change({ operatingSystem: 'after' }, { invokedAtMs: 1600 });
    madeUp.read({ startedAtMs: 2000 }, record(row, row.at(3)));
    expect(rules()).toEqual([]);
  });

  test('finds what the restore took back', () => {
    const { madeUp, row, lost, rules } = restore();
    madeUp.read({ startedAtMs: 1500 }, record(row, lost));
    expect(rules()).toEqual(['never-written']);
  });

  test('still judges what was read before, and counts what was read meanwhile', () => {
    const { madeUp, row, rules } = restore();
    expect(madeUp.history.unjudgedReads).toBe(1);
    const [before] = madeUp.history.earlier;
    before!.reads.push({ ...before!.reads[0]!, startedAtMs: 900, endedAtMs: 901, parts: [record(row, row.at(1))] });
    expect(rules()).toEqual(['stale-read', 'went-backwards']);
  });
});
