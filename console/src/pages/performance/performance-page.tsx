import { useState } from 'react';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { ProblemNotice } from '../../components/notice.tsx';
import { usePageTitle } from '../../components/page-title.ts';
import { useMay } from '../../session/session.ts';
import { Chart } from './chart.tsx';
import { GROUPS } from './figures.ts';
import './performance.css';
import { alignSamples } from './samples.ts';
import { FiguresTable, LayersTable } from './tables.tsx';
import { Tiles } from './tiles.tsx';
import { usePerformance } from './use-performance.ts';

const RANGES = [
  { minutes: 5, label: '5 minutes' },
  { minutes: 15, label: '15 minutes' },
  { minutes: 60, label: '1 hour' },
];

/** How the instances do: now, and in the last hour. */
export default function PerformancePage() {
  usePageTitle('Performance');
  const mayMonitor = useMay('MONITOR');
  return (
    <section className="page performance">
      {mayMonitor ? (
        <Figures />
      ) : (
        <>
          <h1>Performance</h1>
          <Empty title="This page needs the role MONITOR or ADMIN." />
        </>
      )}
    </section>
  );
}

function Figures() {
  const [minutes, setMinutes] = useState(60);
  const { current, instances, problem, retry } = usePerformance();
  const maySeeHistory = useMay('ADMIN');
  const timeline = alignSamples(instances, minutes);
  return (
    <>
      <div className="page-head">
        <h1>Performance</h1>
        {instances.length > 1 && <p className="muted">{instances.length} instances</p>}
        <fieldset className="page-head-end ranges">
          <legend className="visually-hidden">Time shown</legend>
          {RANGES.map((range) => (
            <button
              key={range.minutes}
              type="button"
              className="button"
              aria-pressed={range.minutes === minutes}
              onClick={() => setMinutes(range.minutes)}
            >
              {range.label}
            </button>
          ))}
        </fieldset>
      </div>
      {problem && <ProblemNotice problem={problem} onRetry={retry} />}
      {!current && !problem && <Loading what="the figures" />}
      {current && (
        <>
          <Tiles current={current} instances={instances} />
          {!maySeeHistory && <p className="muted">The charts begin now: only an ADMIN sees the last hour.</p>}
          {timeline.times.length === 0 ? (
            <Empty title="The first sample comes within five seconds." />
          ) : (
            <div className="charts">
              {GROUPS.map((group) => (
                <Chart key={group.title} group={group} instances={instances} timeline={timeline} minutes={minutes} />
              ))}
            </div>
          )}
          <FiguresTable current={current} instances={instances} timeline={timeline} minutes={minutes} />
          <LayersTable cache={current.cache} />
        </>
      )}
    </>
  );
}
