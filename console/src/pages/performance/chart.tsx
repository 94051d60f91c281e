import { useState } from 'react';
import { type FigureGroup, spreadOf } from './figures.ts';
import { formatMoment, type Line, Plot } from './plot.tsx';
import type { InstanceSamples, Sample, Timeline } from './samples.ts';

interface ChartProps {
  readonly group: FigureGroup;
  readonly instances: readonly InstanceSamples[];
  readonly timeline: Timeline;
  readonly minutes: number;
}

/** The figures of a group over time: of one instance in colours of their own, of several in the colours of the instances. */
export function Chart({ group, instances, timeline: { times, rows }, minutes }: ChartProps) {
  const [hovered, setHovered] = useState<number | null>(null);
  const { title, figures, atLeast, atMost, base } = group;
  const lines: (Line & { readonly samples: readonly (Sample | null)[]; readonly figure: (typeof figures)[number] })[] =
    instances.flatMap(({ id }, instance) =>
      figures.map((figure, place) => ({
        label:
          instances.length === 1 ? figure.label : `${shortId(id)} ${figures.length === 1 ? '' : figure.label}`.trim(),
        color: colorAt(instances.length === 1 ? place : instance),
        isDashed: place > 0,
        samples: rows[instance]!,
        figure,
        values: rows[instance]!.map((sample) => sample && figure.read(sample)),
      })),
    );
  const shown = hovered ?? times.length - 1;
  const description = lines.map(({ label, figure, samples }) => `${label}: ${inWords(figure, samples)}`).join('; ');
  return (
    <section className="card chart" aria-label={title}>
      <div className="chart-head">
        <h2>{title}</h2>
        <p className="muted">{hovered === null || times.length === 0 ? 'now' : formatMoment(times[shown]!)}</p>
      </div>
      <ul className="chart-values">
        {lines.map(({ label, color, isDashed, figure, values }) => {
          const value = values[shown] ?? null;
          return (
            <li key={label}>
              <span className={`line-mark line-${color} ${isDashed ? 'line-dashed' : ''}`} aria-hidden="true" />
              {label} <span className="number">{value === null ? '–' : figure.format(value)}</span>
            </li>
          );
        })}
      </ul>
      <Plot
        times={times}
        lines={lines}
        format={figures[0]!.format}
        range={{ atLeast, atMost, base }}
        description={`${title} in the last ${minutes} minutes. ${description}.`}
        onHover={setHovered}
      />
    </section>
  );
}

function inWords(figure: FigureGroup['figures'][number], samples: readonly (Sample | null)[]): string {
  const spread = spreadOf(figure, samples);
  if (!spread) return 'nothing to tell';
  const { now, average, highest } = spread;
  const { format } = figure;
  return `${now === null ? 'nothing' : format(now)} now, ${format(average)} on average, ${format(highest)} at most`;
}

const COLORS = [1, 2, 3, 4, 5] as const;

export function colorAt(place: number): Line['color'] {
  return COLORS[place % COLORS.length]!;
}

/** Enough to tell instances apart. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
