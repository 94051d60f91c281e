import { formatMilliseconds, formatNumber, formatPercent } from '../../components/format.ts';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import type { CurrentPerformanceFragment } from '../../graphql/graphql.ts';
import { colorAt, shortId } from './chart.tsx';
import { type Figure, SUMMARY, spreadOf } from './figures.ts';
import type { InstanceSamples, Sample, Timeline } from './samples.ts';

type Instance = CurrentPerformanceFragment['instances'][number];

interface FiguresTableProps {
  readonly current: CurrentPerformanceFragment;
  readonly instances: readonly InstanceSamples[];
  readonly timeline: Timeline;
  readonly minutes: number;
}

/** All that the charts show, in numbers. */
export function FiguresTable(props: FiguresTableProps) {
  return (
    <section aria-labelledby="figures-title" className="performance-section">
      {props.instances.length === 1 ? <OneInstance {...props} /> : <SideBySide {...props} />}
    </section>
  );
}

function OneInstance({ current, timeline, minutes }: FiguresTableProps) {
  return (
    <>
      <h2 id="figures-title">Figures</h2>
      <p className="muted">Of the last {minutes} minutes.</p>
      <ScrollingTable labelledBy="figures-title">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              {['Now', 'Average', 'Highest'].map((label) => (
                <th key={label} scope="col" className="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {SUMMARY.map((figure) => {
              const { now, average, highest } = inWords(figure, timeline.rows[0]!);
              return (
                <tr key={figure.label}>
                  <th scope="row">{figure.label}</th>
                  <td className="number">{now}</td>
                  <td className="number">{average}</td>
                  <td className="number">{highest}</td>
                </tr>
              );
            })}
            {DETAILS.map(({ label, show }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td className="number">{show(current.instances[0]!)}</td>
                <td />
                <td />
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollingTable>
    </>
  );
}

function SideBySide({ current, instances, timeline, minutes }: FiguresTableProps) {
  const details = instances.map(({ id }) => current.instances.find(({ instanceId }) => instanceId === id)!);
  return (
    <>
      <h2 id="figures-title">Instances side by side</h2>
      <p className="muted">Now, and below it the average and the highest value of the last {minutes} minutes.</p>
      <ScrollingTable labelledBy="figures-title">
        <table className="table figures-table">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              {instances.map(({ id }, place) => (
                <th key={id} scope="col" className="number">
                  <span className={`line-mark line-${colorAt(place)}`} aria-hidden="true" />
                  {shortId(id)}
                  {id === current.instanceId && ' (answers)'}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {SUMMARY.map((figure) => (
              <tr key={figure.label}>
                <th scope="row">{figure.label}</th>
                {instances.map(({ id }, place) => {
                  const { now, average, highest } = inWords(figure, timeline.rows[place]!);
                  return (
                    <td key={id} className="number">
                      {now}
                      <span className="spread muted">
                        {average} · {highest}
                      </span>
                    </td>
                  );
                })}
              </tr>
            ))}
            {DETAILS.map(({ label, show }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {details.map((instance) => (
                  <td key={instance.instanceId} className="number">
                    {show(instance)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollingTable>
    </>
  );
}

const DETAILS: readonly { readonly label: string; readonly show: (instance: Instance) => string }[] = [
  { label: 'Change feed', show: ({ feedState }) => feedState },
  {
    label: 'Hit rate since the start',
    show: ({ hits, misses }) => formatPercent((100 * hits) / Math.max(1, hits + misses)),
  },
  { label: 'Cached values audited', show: ({ audit }) => (audit ? formatNumber(audit.audited) : '–') },
  { label: 'Of them stale', show: ({ audit }) => (audit ? formatNumber(audit.stale) : '–') },
  { label: 'Changes visible, half within', show: ({ audit }) => milliseconds(audit?.visibilityP50Ms) },
  { label: 'Changes visible, 99 % within', show: ({ audit }) => milliseconds(audit?.visibilityP99Ms) },
];

function milliseconds(value: number | null | undefined): string {
  return value == null ? '–' : formatMilliseconds(value);
}

function inWords(figure: Figure, samples: readonly (Sample | null)[]) {
  const { now, average, highest } = spreadOf(figure, samples) ?? { now: null, average: null, highest: null };
  const show = (value: number | null) => (value === null ? '–' : figure.format(value));
  return { now: show(now), average: show(average), highest: show(highest) };
}

/** What the cache of the instance that answers did, by kind of value. */
export function LayersTable({ cache }: Pick<CurrentPerformanceFragment, 'cache'>) {
  return (
    <section aria-labelledby="layers-title" className="performance-section">
      <h2 id="layers-title">Cache by kind of value</h2>
      <p className="muted">Of the instance that answers, since its start.</p>
      <ScrollingTable labelledBy="layers-title">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Kind</th>
              <th scope="col" className="number">
                Hit rate
              </th>
              <th scope="col" className="number">
                Hits
              </th>
              <th scope="col" className="number">
                Misses
              </th>
              <th scope="col" className="number">
                Entries
              </th>
              <th scope="col" className="number">
                Evicted
              </th>
            </tr>
          </thead>
          <tbody>
            {cache.layers.map(({ name, hitRatePercent, hits, misses, size, evictions }) => (
              <tr key={name}>
                <th scope="row" className="mono">
                  {name}
                </th>
                <td className="number">{hits + misses === 0 ? '–' : formatPercent(hitRatePercent)}</td>
                <td className="number">{formatNumber(hits)}</td>
                <td className="number">{formatNumber(misses)}</td>
                <td className="number">{formatNumber(size)}</td>
                <td className="number">{formatNumber(evictions)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollingTable>
    </section>
  );
}
