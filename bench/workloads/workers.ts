import type { Bench, Report, Workload } from '../bench.ts';

export const workers: Workload = { name: 'workers', run };

async function run(bench: Bench): Promise<Report> {
  bench.progress('  skipped: this version has no setting WORKERS');
  return {
    name: 'workers',
    title: 'Workers',
    method: 'Not measured: this version has no setting `WORKERS`.',
    columns: [],
    rows: [],
    verdicts: [],
  };
}
