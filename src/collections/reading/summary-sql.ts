import type { SummaryColumns } from '../definition/summary.ts';
import { END_ROWS, UNITS } from './measure.ts';

/**
 * A statement that reads a `LoadedSummary` as JSON. The rows are found once, whatever the filter costs.
 * @param from where the rows come from, and which of them: `from table t where …`
 */
export function summarySql({ groups, missing, measures }: SummaryColumns, from: string): string {
  const columns = [...new Set([...groups, ...missing, ...measures].map(({ name }) => name))];
  const selected = columns.length === 0 ? '1' : columns.map((name) => `t.${name}`).join(', ');
  const groupSql = groups.map(
    ({ name }) => `(select coalesce(json_agg(json_build_array(value, rows)), '[]') from (
      select ${name} as value, count(*) as rows from matching group by 1
    ) g)`,
  );
  const missingSql = missing.map(({ name }) => `(select count(*) from matching where ${name} is null)`);
  const measureSql = measures.map(({ name }) => {
    const units = `${name}::float8 * ${UNITS}`;
    const end = (direction: string) => `(select coalesce(json_agg(value), '[]') from (
      select ${name} as value from matching where ${name} is not null order by 1 ${direction} limit ${END_ROWS}
    ) e)`;
    return `(select json_build_object('reported', count(${name}), 'whole', sum(floor(${units})),
      'rest', sum(${units} - floor(${units})), 'least', ${end('asc')}, 'greatest', ${end('desc')}) from matching)`;
  });
  return `with matching as materialized (select ${selected} ${from})
    select json_build_object('snapshot', pg_current_snapshot()::text, 'total', (select count(*) from matching),
      'groups', json_build_array(${groupSql.join(', ')}), 'missing', json_build_array(${missingSql.join(', ')}),
      'measures', json_build_array(${measureSql.join(', ')}))::text as summary`;
}
