import {
  alignSamples,
  leavesHole,
  mergeSamples,
  type Sample,
  together,
} from '../../console/src/pages/performance/samples.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');

/** A sample so many seconds after the start. */
function sampleAt(seconds: number, requests = 0): Sample {
  return { timestamp: new Date(START_MS + 1000 * seconds).toISOString(), requests } as Sample;
}

const samplesAt = (...seconds: number[]) => seconds.map((each) => sampleAt(each));
const timesOf = (samples: readonly Sample[]) =>
  samples.map(({ timestamp }) => (Date.parse(timestamp) - START_MS) / 1000);

describe('mergeSamples', () => {
  test('puts the history before the samples that came meanwhile, each once', () => {
    expect(timesOf(mergeSamples(samplesAt(20, 25), samplesAt(5, 10, 15, 20)))).toEqual([5, 10, 15, 20, 25]);
  });

  test('returns what it was given when nothing is new', () => {
    const known = samplesAt(5, 10);
    expect(mergeSamples(known, samplesAt(10))).toBe(known);
    expect(mergeSamples(known, [])).toBe(known);
  });

  test('forgets what is older than an hour', () => {
    expect(timesOf(mergeSamples(samplesAt(0, 5, 10), samplesAt(3605)))).toEqual([10, 3605]);
  });
});

test('a hole is more than one sample that did not come', () => {
  expect(leavesHole(samplesAt(5, 10), sampleAt(15))).toBe(false);
  expect(leavesHole(samplesAt(5, 10), sampleAt(25))).toBe(true);
  expect(leavesHole([], sampleAt(25))).toBe(false);
});

describe('alignSamples', () => {
  const align = (minutes: number, ...instances: Sample[][]) => {
    const { times, rows } = alignSamples(
      instances.map((samples, place) => ({ id: `${place}`, samples })),
      minutes,
    );
    return { times: times.map((time) => time - START_MS / 1000), rows };
  };

  test('brings instances with moments of their own to the same times', () => {
    const one = [sampleAt(601, 1), sampleAt(606.01, 2), sampleAt(611.02, 3)];
    const other = [sampleAt(599, 10), sampleAt(604, 20), sampleAt(609, 30)];
    const { times, rows } = align(60, one, other);
    expect(times.slice(-3)).toEqual([605, 610, 615]);
    expect(rows.map((row) => row.slice(-3).map((sample) => sample?.requests))).toEqual([
      [1, 2, 3],
      [20, 30, 30],
    ]);
  });

  test('shows a gap where there are no samples', () => {
    const { times, rows } = align(60, samplesAt(600, 605, 625, 630));
    const shown = times.map((time, place) => [time, rows[0]![place] !== null] as const).slice(-7);
    expect(shown).toEqual([
      [600, true],
      [605, true],
      [610, true],
      [615, false],
      [620, false],
      [625, true],
      [630, true],
    ]);
  });

  test('begins with the minutes asked for, or with the oldest sample, but shows five minutes at least', () => {
    const hour = Array.from({ length: 720 }, (_, place) => sampleAt(5 * place));
    expect(align(15, hour).times).toHaveLength(180);
    expect(align(60, hour.slice(0, 100)).times).toHaveLength(99);
    expect(align(60, hour.slice(0, 3)).times).toHaveLength(60);
  });

  test('is empty before the first sample', () => {
    expect(align(60, [])).toEqual({ times: [], rows: [[]] });
    expect(alignSamples([], 60)).toEqual({ times: [], rows: [] });
  });
});

test('instances together do what each does, but all hear the same changes, and the slowest speaks for them', () => {
  const one = { ...sampleAt(0), requests: 3, changes: 100, requestP50Ms: 1, requestP99Ms: null, cacheSize: 10 };
  const other = { ...sampleAt(0), requests: 4, changes: 98, requestP50Ms: 2, requestP99Ms: null, cacheSize: 20 };
  expect(together([one, other])).toMatchObject({
    requests: 7,
    changes: 100,
    requestP50Ms: 2,
    requestP99Ms: null,
    cacheSize: 30,
  });
  expect(together([])).toMatchObject({ requests: 0, changes: 0, requestP50Ms: null });
});
