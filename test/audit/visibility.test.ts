import { Visibility } from '../../src/audit/index.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';

test('gives percentiles of the last five minutes', () => {
  const timers = createManualTimers();
  const visibility = new Visibility(timers);
  expect(visibility.percentileMs(50)).toBeNull();
  for (let ms = 1; ms <= 200; ms++) expect(visibility.observe(timers.now() - ms)).toBe(ms);
  expect([50, 99, 100].map((percent) => visibility.percentileMs(percent))).toEqual([100, 198, 200]);
  timers.advance(5 * 60_000 - 1);
  visibility.observe(timers.now() - 7);
  timers.advance(2);
  expect([50, 99].map((percent) => visibility.percentileMs(percent))).toEqual([7, 7]);
});

test('shows nothing below zero where the clock of the database is ahead', () => {
  const timers = createManualTimers();
  const visibility = new Visibility(timers);
  expect(visibility.observe(timers.now() + 5)).toBe(0);
});

test('keeps the last thousand', () => {
  const timers = createManualTimers();
  const visibility = new Visibility(timers);
  for (let change = 0; change < 1000; change++) visibility.observe(timers.now() - 900);
  for (let change = 0; change < 1000; change++) visibility.observe(timers.now() - 3);
  expect(visibility.percentileMs(100)).toBe(3);
});
