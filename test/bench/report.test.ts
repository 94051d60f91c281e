import type { Report } from '../../bench/bench.ts';
import { drawChart } from '../../bench/chart.ts';
import { documentsFor } from '../../bench/queries.ts';
import { asMarkdown } from '../../bench/report.ts';
import { createTraffic, type Exchange, type TrafficSource } from '../../bench/traffic.ts';
import { atLeast, atMost, verdictInWords } from '../../bench/verdict.ts';
import { createRandom, zipf } from '../../bench/zipf.ts';

const report: Report = {
  name: 'hot-list',
  title: 'Hot list',
  method: 'One request over and over.',
  columns: ['server', 'requests/s', 'of the floor'],
  rows: [
    ['Stationmaster', 500, 0.5],
    ['<bare> node:http', 1000, null],
  ],
  chart: {
    bars: [
      { label: 'Stationmaster', value: 500, isPeer: false },
      { label: '<bare> node:http', value: 1000, isPeer: false },
      { label: '<Yoga>', value: 125, isPeer: true },
      { label: 'Apollo', value: 50, isPeer: true },
    ],
  },
  verdicts: [atLeast('at least 0.85 of the floor', 0.5, 0.85)],
};

const [own, ...others] = report.chart!.bars;

const conditions = { seconds: 4, rounds: 3, connections: 64, postgresql: '18.3', commit: 'commit 1234567' };

describe('a goal', () => {
  test('is met exactly at its bound', () => {
    expect(verdictInWords(atLeast('at least 3 times the best peer', 3, 3))).toBe(
      'met: at least 3 times the best peer; measured 3',
    );
    expect(verdictInWords(atMost('no stale answer', 0, 0))).toBe('met: no stale answer; measured 0');
  });

  test('reports by how many percent of the bound it is missed', () => {
    expect(verdictInWords(atLeast('at least 8 times', 6, 8))).toBe('missed by 25 %: at least 8 times; measured 6');
    expect(verdictInWords(atMost('1 SQL statement', 3, 1))).toBe('missed by 200 %: 1 SQL statement; measured 3');
    expect(verdictInWords(atMost('no stale answer', 2, 0))).toBe('missed by 200 %: no stale answer; measured 2');
  });

  test('is not met by rounding', () => {
    expect(verdictInWords(atLeast('at least 1000', 999.9, 1000))).toMatch(/^missed by 1 %/);
  });

  test.each([null, Number.NaN, Number.POSITIVE_INFINITY])('is not judged by %s', (measured) => {
    expect(atLeast('at least 3 times the best peer', measured, 3)).toMatchObject({ measured: null, isMet: null });
  });
});

describe('the report', () => {
  test('has the goals first, then each workload with its method and figures', () => {
    const text = asMarkdown([report], conditions, {});
    expect(text).toContain('| Hot list | missed by 42 %: at least 0.85 of the floor; measured 0.5 |');
    expect(text).toContain(
      '| server | requests/s | of the floor |\n| --- | ---: | ---: |\n| Stationmaster | 500 | 0.5 |',
    );
    expect(text).toContain('| <bare> node:http | 1000 | – |');
  });

  test('names the bottleneck of a workload only if a goal is missed', () => {
    const limits = { 'hot-list': 'the socket.' };
    expect(asMarkdown([report], conditions, limits)).toContain('What limits: the socket.');
    const met = { ...report, verdicts: [atLeast('at least 0.85 of the floor', 0.9, 0.85)] };
    expect(asMarkdown([met], conditions, limits)).not.toContain('What limits');
  });

  test('draws a bar for each workload, as long as it is faster or slower than the best peer', () => {
    const slower: Report = { ...report, title: 'Cold list', chart: { bars: [{ ...own!, value: 62.5 }, ...others] } };
    const svg = drawChart([report, slower]);
    const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map((bar) =>
      bar.slice(1).map(Number),
    );
    const [[equal, faster], [start, length]] = bars as [[number, number], [number, number]];
    expect(faster / length).toBeCloseTo(2, 1);
    expect(start + length).toBeCloseTo(equal, 0);
    expect(svg).toContain('4.00 × &lt;Yoga&gt;');
    expect(svg).toContain('0.50 × &lt;Yoga&gt;');
  });

  test('draws nothing for a workload without peers', () => {
    expect(drawChart([{ ...report, chart: { bars: [own!] } }])).not.toContain('Hot list');
  });
});

test('the shapes of the list are all different', () => {
  const { shapes } = documentsFor('stationmaster');
  expect(new Set(shapes).size).toBe(200);
});

test('Zipf chooses the first of a hundred about twice as often as the second', () => {
  const counts = new Array<number>(100).fill(0);
  const next = zipf(100, createRandom(1));
  for (let draw = 0; draw < 100_000; draw++) counts[next()]!++;
  expect(counts[0]! / counts[1]!).toBeCloseTo(2, 0);
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

describe('an answer', () => {
  const traffic = { kind: 'reads and writes', record: 'R', update: 'U', ids: ['only'], writeShare: 0.5 } as const;
  const showing = (version: number) => Buffer.from(`{"data":{"workstation":{"version":${version}}}}`);

  /** The next request of this kind; requests of the other kind stay unanswered. */
  function next(source: TrafficSource, kind: 'read' | 'write'): Exchange {
    for (;;) {
      const exchange = source.next();
      if (exchange.bytes.includes('"hostname"') === (kind === 'write')) return exchange;
    }
  }

  test('is stale if it misses a write that was answered before the request', () => {
    const source = createTraffic(traffic, 'http://127.0.0.1:1');
    next(source, 'write').answered(showing(2));
    next(source, 'read').answered(showing(1));
    expect(source.staleAnswers).toBe(1);
  });

  test('is not stale if the request came before the answer to the write', () => {
    const source = createTraffic(traffic, 'http://127.0.0.1:1');
    const read = next(source, 'read');
    next(source, 'write').answered(showing(2));
    read.answered(showing(1));
    expect(source.staleAnswers).toBe(0);
  });

  test('with an error ends the measurement', () => {
    const read = next(createTraffic(traffic, 'http://127.0.0.1:1'), 'read');
    expect(() => read.answered(Buffer.from('{"errors":[{"message":"no"}],"data":null}'))).toThrow('A request failed');
  });
});
