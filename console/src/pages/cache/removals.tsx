import { Empty } from '../../components/empty.tsx';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import { Ago } from '../../components/time.tsx';
import type { CachePageQuery, CacheRemovalCause } from '../../graphql/graphql.ts';
import { KeyButton, labelOf } from './cache-key.tsx';

export type Removal = CachePageQuery['cacheRemovals'][number];

export const CAUSES: readonly CacheRemovalCause[] = ['INVALIDATED', 'EXPIRED', 'EVICTED', 'REPLACED'];

const CAUSE_LABELS: Readonly<Record<CacheRemovalCause, string>> = {
  INVALIDATED: 'Invalidated',
  EXPIRED: 'Expired',
  EVICTED: 'Evicted',
  REPLACED: 'Replaced',
};

interface RemovalsProps {
  readonly removals: readonly Removal[];
  readonly causes: readonly CacheRemovalCause[];
  readonly onCauses: (causes: readonly CacheRemovalCause[]) => void;
  readonly onOpen: (key: string) => void;
}

/** Why reads missed lately: what left the cache, and what removed it. */
export function Removals({ removals, causes, onCauses, onOpen }: RemovalsProps) {
  return (
    <section className="record" aria-labelledby="removals-title">
      <h2 id="removals-title">Recent removals</h2>
      <p className="muted">
        Why a read missed: the last {removals.length === 50 ? '50 ' : ''}removals of keys that match the pattern. Of
        each cause, the last 1,000 are remembered.
      </p>
      <fieldset className="cache-causes">
        <legend className="visually-hidden">Causes</legend>
        {CAUSES.map((cause) => (
          <label key={cause}>
            <input
              type="checkbox"
              checked={causes.includes(cause)}
              onChange={({ target }) =>
                onCauses(CAUSES.filter((one) => (one === cause ? target.checked : causes.includes(one))))
              }
            />
            {CAUSE_LABELS[cause]}
          </label>
        ))}
      </fieldset>
      {removals.length === 0 ? (
        <Empty title="Nothing has left for these causes." />
      ) : (
        <RemovalTable removals={removals} labelledBy="removals-title" onOpen={onOpen} />
      )}
    </section>
  );
}

interface RemovalTableProps {
  readonly removals: readonly Removal[];
  /** The id of the heading. */
  readonly labelledBy: string;
  /** Default: the keys are not shown, because they are all the same. */
  readonly onOpen?: (key: string) => void;
}

export function RemovalTable({ removals, labelledBy, onOpen }: RemovalTableProps) {
  return (
    <ScrollingTable labelledBy={labelledBy}>
      <table className="table" aria-label="Removals">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Cause</th>
            <th scope="col">Removed by</th>
            {onOpen && <th scope="col">Key</th>}
          </tr>
        </thead>
        <tbody>
          {removals.map((removal, at) => (
            // A removal has no name, and a key may leave twice in one moment
            <tr key={at}>
              <td>
                <Ago at={removal.at} />
              </td>
              <td>{CAUSE_LABELS[removal.cause]}</td>
              <td className="cache-reason">{reasonOf(removal)}</td>
              {onOpen && (
                <td>
                  <KeyButton value={removal.key} onOpen={onOpen} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollingTable>
  );
}

function reasonOf({ cause, by, dependency, layer }: Removal): string {
  const reasons = [by ?? PLAIN_REASONS[cause]];
  if (cause === 'EVICTED' && layer === 'responses' && dependency === null) reasons[0] = 'the bound on responses';
  if (dependency !== null) reasons.push(`with ${labelOf(dependency)}, which it was made of`);
  return reasons.join(', ');
}

const PLAIN_REASONS: Readonly<Record<CacheRemovalCause, string>> = {
  INVALIDATED: 'a read that found something else',
  EXPIRED: 'the end of its time',
  EVICTED: 'the bounds on entries and bytes',
  REPLACED: 'a newer value',
};
