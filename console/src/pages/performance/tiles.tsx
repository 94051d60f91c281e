import { countOf } from '../../components/count-of.ts';
import { formatBytes, formatDuration, formatMilliseconds, formatNumber } from '../../components/format.ts';
import type { CurrentPerformanceFragment } from '../../graphql/graphql.ts';
import { type Figure, HIT_RATE } from './figures.ts';
import { type InstanceSamples, together } from './samples.ts';

interface TilesProps {
  readonly current: CurrentPerformanceFragment;
  readonly instances: readonly InstanceSamples[];
}

/** How all instances together do now. */
export function Tiles({ current, instances }: TilesProps) {
  const newest = instances.map(({ samples }) => samples.at(-1)).filter((sample) => sample !== undefined);
  const now = together(newest);
  const audits = current.instances.map(({ audit }) => audit).filter((audit) => audit != null);
  const stale = audits.reduce((total, audit) => total + audit.stale, 0);
  const audited = audits.reduce((total, audit) => total + audit.audited, 0);
  const silent = current.instances.filter(({ feedState }) => feedState !== 'live').length;
  return (
    <dl className="tiles" aria-label={instances.length === 1 ? 'Now' : `Now, ${instances.length} instances together`}>
      <Tile label="Hit rate">{show(HIT_RATE.format, HIT_RATE.read(now))}</Tile>
      <Tile label="Requests per second" detail={`${formatNumber(now.errors)} with errors`}>
        {formatNumber(now.requests)}
      </Tile>
      <Tile label="Half answered within" detail={`99 % within ${show(formatMilliseconds, now.requestP99Ms)}`}>
        {show(formatMilliseconds, now.requestP50Ms)}
      </Tile>
      <Tile label="SQL per second">{formatNumber(now.sqlStatements)}</Tile>
      <Tile label="Changes per second">{formatNumber(now.changes)}</Tile>
      <Tile label="Memory" detail={`${formatBytes(now.cacheBytes)} of it cache`}>
        {formatBytes(now.memoryBytes)}
      </Tile>
      <Tile label="Connections" detail={countOf(now.activeSubscriptions, 'subscription')}>
        {formatNumber(now.activeConnections)}
      </Tile>
      <Tile label="Stale values found" detail={`${formatNumber(audited)} audited`} isBad={stale > 0}>
        {formatNumber(stale)}
      </Tile>
      <Tile label="Change feed" detail={describeFeed(current)} isBad={silent > 0}>
        {silent === 0 ? 'live' : `${silent} of ${current.instances.length} not live`}
      </Tile>
      <Tile label="Up for">{formatDuration(current.uptimeSeconds)}</Tile>
    </dl>
  );
}

interface TileProps {
  readonly label: string;
  readonly detail?: string;
  readonly isBad?: boolean;
  readonly children: string;
}

function Tile({ label, detail, isBad = false, children }: TileProps) {
  return (
    <div className={`card tile ${isBad ? 'tile-bad' : ''}`}>
      <dt>{label}</dt>
      <dd>
        <span className="tile-value number">{children}</span>
        {detail && <span className="tile-detail">{detail}</span>}
      </dd>
    </div>
  );
}

function show(format: Figure['format'], value: number | null | undefined): string {
  return value == null ? '–' : format(value);
}

function describeFeed({ changeFeed: { gaps, reason } }: CurrentPerformanceFragment): string {
  if (reason) return reason;
  if (gaps === 0) return 'never lost since the start';
  return gaps === 1 ? 'lost once since the start' : `lost ${gaps} times since the start`;
}
