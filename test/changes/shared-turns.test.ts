import { setImmediate as nextTurn } from 'node:timers/promises';
import { shareTurns } from '../../src/changes/shared-turns.ts';

let nowMs = 0;
const calls: string[] = [];
const stream = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
const onWorked = shareTurns(
  () => stream,
  () => nowMs,
);

beforeEach(() => {
  calls.length = 0;
});

function work(ms: number): void {
  nowMs += ms;
  onWorked();
}

test('a stream that is worked on for more than 10 ms goes on in the next turn', async () => {
  for (const ms of [1, 6, 6, 6]) work(ms);
  expect(calls).toEqual(['pause']);
  await nextTurn();
  expect(calls).toEqual(['pause', 'resume']);
  work(1);
  expect(calls).toEqual(['pause', 'resume']);
  await nextTurn();
});

test('a stream with little work in each turn is not paused', async () => {
  for (let turn = 0; turn < 3; turn++) {
    for (const ms of [5, 5, 5]) work(ms);
    await nextTurn();
  }
  expect(calls).toEqual([]);
});
