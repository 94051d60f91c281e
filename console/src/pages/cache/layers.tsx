import { formatBytes, formatPercent } from '../../components/format.ts';
import { ScrollingTable } from '../../components/scrolling-table.tsx';
import type { CachePageQuery } from '../../graphql/graphql.ts';

interface LayersProps {
  readonly stats: CachePageQuery['cacheStats'];
  readonly onChoose: (layer: string) => void;
}

/** The figures since the start of the instance, by layer. */
export function Layers({ stats, onChoose }: LayersProps) {
  return (
    <section className="record" aria-labelledby="layers-title">
      <h2 id="layers-title">Layers</h2>
      <p className="muted">
        {stats.size.toLocaleString()} entries take {formatBytes(stats.bytes)}, without cached responses. The counters
        are those since the start of this instance.
      </p>
      <ScrollingTable>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              {['Entries', 'Hits', 'Misses', 'Hit rate', 'Evictions'].map((label) => (
                <th key={label} scope="col" className="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {stats.layers.map((layer) => (
              <tr key={layer.name}>
                <th scope="row">
                  {isListed(layer.name) ? (
                    <button type="button" className="link-button" onClick={() => onChoose(layer.name)}>
                      {layer.name}
                    </button>
                  ) : (
                    layer.name
                  )}
                </th>
                <Figures of={layer} />
              </tr>
            ))}
            <tr className="total">
              <th scope="row">All</th>
              <Figures of={stats} />
            </tr>
          </tbody>
        </table>
      </ScrollingTable>
    </section>
  );
}

/** The second tier is another server, whose entries the API does not list. */
export function isListed(layer: string): boolean {
  return layer !== 'redis';
}

function Figures({ of }: { readonly of: Omit<CachePageQuery['cacheStats']['layers'][number], 'name'> }) {
  return (
    <>
      {[of.size, of.hits, of.misses].map((figure, at) => (
        <td key={at} className="number">
          {figure.toLocaleString()}
        </td>
      ))}
      <td className="number">{of.hits + of.misses === 0 ? '–' : formatPercent(of.hitRatePercent)}</td>
      <td className="number">{of.evictions.toLocaleString()}</td>
    </>
  );
}
