import { useLive } from '../../api/use-live.ts';
import { STATUSES, StatusBadge } from '../../components/status-badge.tsx';
import type { FleetSummaryQuery, WorkstationFilter, WorkstationStatus } from '../../graphql/graphql.ts';
import { FLEET_SUMMARY } from './documents.ts';

type Summary = FleetSummaryQuery['fleetSummary'];

interface FleetSummaryProps {
  /** The filter without its statuses, so that the other statuses can be seen beside the chosen ones. */
  readonly filter: WorkstationFilter | null;
  readonly isPaused: boolean;
  readonly chosen: readonly WorkstationStatus[];
  readonly onChoose: (statuses: readonly WorkstationStatus[]) => void;
}

/** The figures above the list. The statuses are buttons that filter it. */
export function FleetSummary({ filter, isPaused, chosen, onChoose }: FleetSummaryProps) {
  const { data } = useLive(FLEET_SUMMARY, { variables: { filter }, isPaused });
  const summary = data?.fleetSummary;
  const toggle = (status: WorkstationStatus) =>
    onChoose(chosen.includes(status) ? chosen.filter((one) => one !== status) : [...chosen, status]);
  return (
    <section className="summary" aria-label="Summary">
      <fieldset className="summary-statuses">
        <legend className="visually-hidden">Filter by status</legend>
        {STATUSES.map((status) => (
          <button
            key={status}
            type="button"
            className="summary-status"
            aria-pressed={chosen.includes(status)}
            onClick={() => toggle(status)}
          >
            <strong className="number">{countOf(summary, status)?.toLocaleString() ?? '…'}</strong>
            <StatusBadge status={status} />
          </button>
        ))}
      </fieldset>
      <dl className="summary-figures">
        <Figure name="Without manager" value={summary?.unmanaged.toLocaleString()} />
        <Usage name="CPU" usage={summary?.cpuUsage} />
        <Usage name="Memory" usage={summary?.memoryUsage} />
        <Usage name="Disk" usage={summary?.diskUsage} />
      </dl>
    </section>
  );
}

function countOf(summary: Summary | undefined, status: WorkstationStatus): number | undefined {
  return summary && (summary.byStatus.find((one) => one.status === status)?.count ?? 0);
}

function Figure({
  name,
  value,
  hint,
}: {
  readonly name: string;
  readonly value: string | undefined;
  readonly hint?: string;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="number">
        <strong>{value ?? '…'}</strong>
        {hint && <span className="muted"> {hint}</span>}
      </dd>
    </div>
  );
}

function Usage({ name, usage }: { readonly name: string; readonly usage: Summary['cpuUsage'] | undefined }) {
  if (!usage) return <Figure name={name} value={undefined} />;
  const { average, maximum } = usage;
  if (average == null || maximum == null) return <Figure name={name} value="–" />;
  return <Figure name={name} value={`${average.toFixed(0)} %`} hint={`max ${maximum.toFixed(0)} %`} />;
}
