import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import type { Report } from './bench.ts';
import { drawChart } from './chart.ts';
import { verdictInWords } from './verdict.ts';

/** The bottleneck of each workload that misses a goal, found with a profile and written by hand: text by workload. */
type Limits = Readonly<Record<string, string>>;

export interface Conditions {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly postgresql: string;
  readonly commit: string;
}

/** The report as shown while the benchmark runs. */
export function asText(report: Report): string {
  const { title, columns, rows, verdicts } = report;
  return [`\n${title}`, ...table(columns, rows), ...verdicts.map((verdict) => `  ${verdictInWords(verdict)}`)].join(
    '\n',
  );
}

/** Writes `report.md` and `report.svg`. */
export async function writeReport(folder: string, reports: readonly Report[], conditions: Conditions): Promise<void> {
  const limits: Limits = JSON.parse(await readFile(new URL('./limits.json', import.meta.url), 'utf8'));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'report.md'), asMarkdown(reports, conditions, limits));
  await writeFile(join(folder, 'report.svg'), drawChart(reports));
}

export function asMarkdown(reports: readonly Report[], conditions: Conditions, limits: Limits): string {
  return `${[
    '# Benchmark report',
    '',
    ...describe(conditions),
    '',
    '![How much faster than the best peer, by workload](report.svg)',
    '',
    '## Goals',
    '',
    ...table(
      ['workload', 'result'],
      reports.flatMap(({ title, verdicts }) => verdicts.map((verdict) => [title, verdictInWords(verdict)])),
    ),
    ...reports.flatMap((report) => section(report, limits[report.name])),
  ].join('\n')}\n`;
}

function section({ title, method, columns, rows, verdicts }: Report, limit: string | undefined): string[] {
  const isMissed = verdicts.some(({ isMet }) => isMet === false);
  return [
    '',
    `## ${title}`,
    '',
    method,
    ...(columns.length > 0 ? ['', ...table(columns, rows)] : []),
    ...(isMissed && limit ? ['', `What limits: ${limit}`] : []),
  ];
}

function describe({ seconds, rounds, connections, postgresql, commit }: Conditions): string[] {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return [
    `Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}, of ${commit}: ${availableParallelism()} cores`,
    `(${model}), Node ${process.versions.node}, PostgreSQL ${postgresql}, everything on this machine. Each figure is the`,
    `median of ${rounds} rounds of ${seconds} s with ${connections} connections, in which all servers took turns; one process each.`,
  ];
}

/** The measured commit, in words. */
export function commitInWords(): string {
  try {
    const read = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return `commit ${read('rev-parse', '--short', 'HEAD')}${read('status', '--porcelain', 'src') && ', changed'}`;
  } catch {
    return 'an unknown commit';
  }
}

function table(columns: readonly string[], rows: Report['rows']): string[] {
  const line = (cells: readonly (string | number | null)[]) => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`;
  const isNumber = (column: number) => rows.some((row) => typeof row[column] === 'number');
  return [line(columns), line(columns.map((_, column) => (isNumber(column) ? '---:' : '---'))), ...rows.map(line)];
}
