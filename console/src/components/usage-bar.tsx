const HIGH = 90;
const RAISED = 75;

/** A percentage as a number with a bar; a dash for what was never reported. */
export function UsageBar({ percent }: { readonly percent: number | null | undefined }) {
  if (percent === null || percent === undefined) return <span className="muted">–</span>;
  const level = percent >= HIGH ? 'high' : percent >= RAISED ? 'raised' : 'usual';
  return (
    <span className={`usage usage-${level}`}>
      <span className="number">{percent.toFixed(0)} %</span>
      <span className="usage-track" aria-hidden="true">
        <span className="usage-fill" style={{ width: `${Math.min(100, percent)}%` }} />
      </span>
    </span>
  );
}
