import { MergedMetrics } from '../../src/observability/merged-metrics.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { quietSources } from '../support/quiet-sources.ts';

/** A worker with figures that the test sets. */
function createWorker(figures: { hits: number; size: number }) {
  let read: () => Promise<unknown> = async () => [];
  const metrics = createMetrics(
    {
      ...quietSources(),
      cacheStats: () => ({ layers: [{ name: 'records', misses: 0, evictions: 0, ...figures }], bytes: 0 }),
    },
    {
      workers: {
        offer(offered) {
          read = offered;
        },
        collect: async () => '',
      },
    },
  );
  return { metrics, figures, read: () => read() };
}

/** The lines of a scrape about these metrics. */
function linesOf(text: string, ...names: string[]): string[] {
  return text.split('\n').filter((line) => names.some((name) => line.startsWith(name)));
}

const HITS = 'stationmaster_cache_hits_total';
const SIZE = 'stationmaster_cache_size';
const MISSING = 'stationmaster_workers_missing';

describe('merged metrics', () => {
  async function createMerged() {
    const workers = [createWorker({ hits: 46, size: 5 }), createWorker({ hits: 13, size: 4 })] as const;
    const merged = new MergedMetrics(2);
    const report = async (...numbers: number[]) => {
      for (const number of numbers) merged.record(number, structuredClone(await workers[number - 1]!.read()));
      return merged.print(new Set(numbers));
    };
    return { workers, merged, report };
  }

  test('add up what only rises, and list for each worker what goes up and down', async () => {
    const { workers, report } = await createMerged();
    for (const { metrics } of workers) {
      metrics.observeRequest({
        type: 'query',
        outcome: 'hit',
        durationSeconds: 0.004,
        name: 'Fleet',
        isKnownClient: true,
        errors: ['FORBIDDEN'],
      });
    }
    const text = await report(1, 2);
    expect(linesOf(text, HITS, SIZE, MISSING)).toEqual([
      `${HITS}{layer="records"} 59`,
      `${SIZE}{layer="records",worker="1"} 5`,
      `${SIZE}{layer="records",worker="2"} 4`,
      `${MISSING} 0`,
    ]);
    const duration = 'stationmaster_request_duration_seconds';
    expect(linesOf(text, `${duration}_count`)).toEqual([`${duration}_count{operation_type="query",outcome="hit"} 2`]);
    expect(linesOf(text, `${duration}_bucket{le="0.005"`)[0]).toMatch(/ 2$/);
    const byName = 'stationmaster_operation_duration_seconds_count';
    expect(linesOf(text, byName)).toEqual([`${byName}{operation_name="Fleet"} 2`]);
    expect(linesOf(text, 'stationmaster_errors')).toEqual(['stationmaster_errors_total{code="FORBIDDEN"} 2']);
    expect(linesOf(text, 'stationmaster_build_info')).toHaveLength(2);
  });

  test('describe each metric once', async () => {
    const { report } = await createMerged();
    const types = linesOf(await report(1, 2), '# TYPE ');
    expect(types.length).toBeGreaterThan(20);
    expect(new Set(types).size).toBe(types.length);
  });

  test('tell the processes apart in what belongs to a process', async () => {
    const { report } = await createMerged();
    const text = await report(1, 2);
    for (const name of [
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
      'process_start_time_seconds',
    ]) {
      expect(linesOf(text, `${name}{`)).toHaveLength(2);
    }
    expect(linesOf(text, 'process_cpu_seconds_total')).toHaveLength(1);
  });

  test('keep the totals of a worker that ended, and begin its replacement’s gauges anew', async () => {
    const { workers, merged, report } = await createMerged();
    await report(1, 2);
    merged.end(2);
    expect(linesOf(await report(1), HITS, SIZE, MISSING)).toEqual([
      `${HITS}{layer="records"} 59`,
      `${SIZE}{layer="records",worker="1"} 5`,
      `${MISSING} 1`,
    ]);
    Object.assign(workers[1].figures, { hits: 1, size: 1 });
    expect(linesOf(await report(1, 2), HITS, `${SIZE}{layer="records",worker="2"}`)).toEqual([
      `${HITS}{layer="records"} 60`,
      `${SIZE}{layer="records",worker="2"} 1`,
    ]);
    merged.end(2);
    expect(linesOf(await report(1), HITS)).toEqual([`${HITS}{layer="records"} 60`]);
  });

  test('count a worker that does not answer with its last totals and without gauges', async () => {
    const { workers, report } = await createMerged();
    await report(1, 2);
    workers[0].figures.hits = 50;
    expect(linesOf(await report(1), HITS, SIZE, MISSING)).toEqual([
      `${HITS}{layer="records"} 63`,
      `${SIZE}{layer="records",worker="1"} 5`,
      `${MISSING} 1`,
    ]);
  });
});
