import { Ago } from '../../components/time.tsx';
import type { Reading } from './use-changes.ts';
import type { Details } from './workstation-values.ts';

const USAGES = [
  ['cpuUsage', 'Processor'],
  ['memoryUsage', 'Memory'],
  ['diskUsage', 'Disk'],
] as const;

const WIDTH = 240;
const HEIGHT = 48;

/** The last reading, and those that came while the page was open. */
export function Telemetry({ details, readings }: { readonly details: Details; readonly readings: readonly Reading[] }) {
  return (
    <section className="card record" aria-labelledby="telemetry-title">
      <header className="card-head">
        <h2 id="telemetry-title">Telemetry</h2>
        <p className="muted">
          {details.lastSeenAt ? (
            <>
              Last report <Ago at={details.lastSeenAt} />
            </>
          ) : (
            'Never reported'
          )}
        </p>
      </header>
      <div className="usages">
        {USAGES.map(([field, label]) => (
          <Usage
            key={field}
            label={label}
            value={details[field] ?? null}
            history={readings.map((reading) => reading[field])}
          />
        ))}
      </div>
      <p className="muted">
        {readings.length === 0
          ? 'Reports that arrive while this page is open are drawn here.'
          : `${readings.length} ${readings.length === 1 ? 'report' : 'reports'} since the page was opened.`}
      </p>
    </section>
  );
}

interface UsageProps {
  readonly label: string;
  readonly value: number | null;
  readonly history: readonly (number | null)[];
}

function Usage({ label, value, history }: UsageProps) {
  const text = value === null ? 'not reported' : `${value.toFixed(1)} %`;
  return (
    <div className="usage">
      <div className="usage-head">
        <span>{label}</span>
        <strong>{text}</strong>
      </div>
      <meter aria-label={label} min={0} max={100} low={75} high={90} optimum={0} value={value ?? 0}>
        {text}
      </meter>
      {history.length > 1 && <Sparkline values={history.filter((one) => one !== null)} />}
    </div>
  );
}

/** Decoration: the figures are beside it. The line goes from the oldest reading to the newest, 0 to 100 percent. */
function Sparkline({ values }: { readonly values: readonly number[] }) {
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)},${(HEIGHT - (value / 100) * HEIGHT).toFixed(1)}`,
  );
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(' ')} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
