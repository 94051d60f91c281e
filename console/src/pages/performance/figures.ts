import { formatBytes, formatMilliseconds, formatNumber, formatPercent } from '../../components/format.ts';
import type { Sample } from './samples.ts';

/** Something that a sample tells. */
export interface Figure {
  readonly label: string;
  /** `null`: it tells nothing, such as latency without requests. */
  readonly read: (sample: Sample) => number | null;
  readonly format: (value: number) => string;
}

export interface FigureGroup {
  readonly title: string;
  /** At most two, the first one drawn solid and the second one dashed. */
  readonly figures: readonly Figure[];
  /** The scale reaches at least this far, so that a quiet server does not look busy. */
  readonly atLeast: number;
  readonly atMost?: number;
  /** Ticks of the scale are multiples of powers of this. Default 10. */
  readonly base?: 2 | 10;
}

export const HIT_RATE = {
  label: 'Hit rate',
  read: ({ hits, misses }: Pick<Sample, 'hits' | 'misses'>) =>
    hits + misses === 0 ? null : (100 * hits) / (hits + misses),
  format: formatPercent,
} satisfies Figure;

export const GROUPS: readonly FigureGroup[] = [
  { title: 'Cache hit rate', figures: [HIT_RATE], atLeast: 100, atMost: 100 },
  {
    title: 'Requests per second',
    figures: [
      { label: 'All', read: ({ requests }) => requests, format: formatNumber },
      { label: 'With errors', read: ({ errors }) => errors, format: formatNumber },
    ],
    atLeast: 1,
  },
  {
    title: 'Response time',
    figures: [
      { label: 'Half within', read: ({ requestP50Ms }) => requestP50Ms ?? null, format: formatMilliseconds },
      { label: '99 % within', read: ({ requestP99Ms }) => requestP99Ms ?? null, format: formatMilliseconds },
    ],
    atLeast: 1,
  },
  {
    title: 'SQL statements per second',
    figures: [{ label: 'Statements', read: ({ sqlStatements }) => sqlStatements, format: formatNumber }],
    atLeast: 1,
  },
  {
    title: 'Changed rows per second',
    figures: [{ label: 'Changes', read: ({ changes }) => changes, format: formatNumber }],
    atLeast: 1,
  },
  {
    title: 'Memory',
    figures: [
      { label: 'Process', read: ({ memoryBytes }) => memoryBytes, format: formatBytes },
      { label: 'Cache', read: ({ cacheBytes }) => cacheBytes, format: formatBytes },
    ],
    atLeast: 2 ** 20,
    base: 2,
  },
  {
    title: 'Cache entries',
    figures: [
      { label: 'Held', read: ({ cacheSize }) => cacheSize, format: formatNumber },
      { label: 'Evicted per second', read: ({ evictions }) => evictions, format: formatNumber },
    ],
    atLeast: 10,
  },
  {
    title: 'Listening clients',
    figures: [
      { label: 'Connections', read: ({ activeConnections }) => activeConnections, format: formatNumber },
      { label: 'Subscriptions', read: ({ activeSubscriptions }) => activeSubscriptions, format: formatNumber },
    ],
    atLeast: 4,
  },
];

/** The figures that are given as numbers beside the charts, with names that stand alone. */
export const SUMMARY: readonly Figure[] = GROUPS.flatMap(({ title, figures }) =>
  figures.map((figure) =>
    figures.length === 1 ? { ...figure, label: title } : { ...figure, label: `${title}: ${lower(figure.label)}` },
  ),
);

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

export interface Spread {
  readonly now: number | null;
  readonly average: number;
  readonly highest: number;
}

/** @returns `null` when no sample tells anything */
export function spreadOf({ read }: Figure, samples: readonly (Sample | null)[]): Spread | null {
  const values = samples.map((sample) => sample && read(sample));
  const told = values.filter((value) => value !== null);
  if (told.length === 0) return null;
  return {
    now: values.at(-1) ?? null,
    average: told.reduce((sum, value) => sum + value, 0) / told.length,
    highest: told.reduce((highest, value) => Math.max(highest, value)),
  };
}
