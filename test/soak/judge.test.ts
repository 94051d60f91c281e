import { findGrowth, type Sample } from './judge.ts';

const flat = (atSeconds: number): Sample => ({
  atSeconds,
  // The sawtooth of a garbage-collected heap.
  heapMb: 60 + (atSeconds % 10) * 4,
  residentMb: 200 + (atSeconds % 7),
  descriptors: 40 + (atSeconds % 3),
  sockets: 5,
  subscriptions: 5,
});

function samplesOf(change: (sample: Sample) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 100 }, (_unused, second) => ({ ...flat(second), ...change(flat(second)) }));
}

test('a figure that goes up and down is flat', () => {
  expect(findGrowth(samplesOf())).toEqual([]);
});

test('a figure that rises only at the start is flat', () => {
  const filling = samplesOf(({ atSeconds, heapMb }) => ({ heapMb: heapMb - Math.max(0, 30 - atSeconds) }));
  expect(findGrowth(filling)).toEqual([]);
});

test.each([
  ['heapMb', 1],
  ['residentMb', 2],
  ['descriptors', 0.5],
  ['sockets', 0.5],
  ['subscriptions', 0.5],
] as const)('%s that rises by %d a second is found', (figure, perSecond) => {
  const leaking = samplesOf((sample) => ({ [figure]: sample[figure] + perSecond * sample.atSeconds }));
  expect(findGrowth(leaking)).toEqual([expect.stringContaining(`${figure} grew from`)]);
});
