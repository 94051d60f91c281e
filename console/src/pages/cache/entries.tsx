import { formatBytes, formatDuration } from '../../components/format.ts';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import { type Sort, SortHeader } from '../../components/sort-header.tsx';
import type { CacheEntryOrderField, CachePageQuery } from '../../graphql/graphql.ts';
import { KeyButton } from './cache-key.tsx';

const COLUMNS: readonly [field: CacheEntryOrderField, label: string][] = [
  ['SIZE', 'Size'],
  ['AGE', 'Age'],
  ['EXPIRES', 'Expires in'],
  ['HITS', 'Hits'],
];

interface EntriesProps {
  readonly entries: CachePageQuery['cacheEntries']['nodes'];
  readonly sort: Sort<CacheEntryOrderField>;
  readonly isBusy: boolean;
  readonly onSort: (sort: Sort<CacheEntryOrderField>) => void;
  readonly onOpen: (key: string) => void;
}

/** One page of what the cache holds. */
export function Entries({ entries, sort, isBusy, onSort, onOpen }: EntriesProps) {
  return (
    <ScrollingTable>
      <table className="table" aria-busy={isBusy} aria-label="Entries">
        <thead>
          <tr>
            <SortHeader field="KEY" label="Key" sort={sort} onSort={onSort} />
            <th scope="col">Layer</th>
            {COLUMNS.map(([field, label]) => (
              <SortHeader key={field} field={field} label={label} sort={sort} onSort={onSort} isNumber />
            ))}
            <th scope="col" className="number">
              Used by
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ key, layer, bytes, ageSeconds, expiresInSeconds, hits, dependents }) => (
            <tr key={key}>
              <th scope="row">
                <KeyButton value={key} onOpen={onOpen} />
              </th>
              <td>{layer}</td>
              <td className="number">{formatBytes(bytes)}</td>
              <td className="number">{formatDuration(ageSeconds)}</td>
              <td className="number">{formatDuration(expiresInSeconds)}</td>
              <td className="number">{hits.toLocaleString()}</td>
              <td className="number">{dependents.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollingTable>
  );
}
