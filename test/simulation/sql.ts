import type { SqlRow, Value } from './rows.ts';
import type { SimulatedDatabase } from './simulated-database.ts';

type Parameters = readonly unknown[];
type Condition = (row: SqlRow, values: Parameters, scope: string) => boolean;
type Result = readonly (readonly Value[])[];
export type Execute = (database: SimulatedDatabase, values: Parameters) => Result;

/**
 * Understands the statements that collections send, and no others: an unknown one is an error, because a simulation that
 * guesses would prove nothing.
 */
export function compileSql(sql: string): Execute {
  // Texts have no types here, and one collation.
  const text = sql.replaceAll(/(t\.\w+)::text\b/g, '$1').replaceAll(' collate "C"', '');
  for (const [pattern, compile] of STATEMENTS) {
    const found = pattern.exec(text);
    if (found) return compile(found.groups!);
  }
  throw new Error(`The simulated database does not understand: ${text}`);
}

const STATEMENTS: readonly (readonly [RegExp, (groups: Record<string, string>) => Execute])[] = [
  [
    /^select t\.id from unnest\([^)]*\) known \(id, version, created, updated\)\s+join (?<table>\w+) t on .*$/s,
    ({ table }) =>
      (database, [ids, versions, created, updated]) => {
        const isUnchanged = (id: string, index: number) => {
          const row = database.rows(table!).get(id);
          const known = [versions, created, updated].map((column) => (column as Value[])[index]);
          return row && known.every((value, at) => value === [row.row_version, row.created_at, row.updated_at][at]);
        };
        return (ids as string[]).filter(isUnchanged).map((id) => [id]);
      },
  ],
  [
    /^select p\.\* from unnest\(\$1::uuid\[\]\) s \(id\) cross join lateral \(\s*select (?<columns>[^(]+?) from (?<table>\w+) t (?<page>.*?)\s*\) p$/s,
    ({ columns, table, page }) => {
      const find = compilePage(table!, page!);
      const read = compileColumns(columns!);
      return (database, values) =>
        (values[0] as string[]).flatMap((scope) => find(database, values, scope).map((row) => read({ t: row })));
    },
  ],
  [
    /^select (?<columns>[^(]+?) from \(\s*select t\.\* from (?<table>\w+) t (?<page>.*?)\s*\) t (?<joins>left join .*)$/s,
    ({ columns, table, page, joins }) => {
      const find = compilePage(table!, page!);
      const read = compileColumns(columns!);
      const joined = [...joins!.matchAll(/left join (\w+) (j\d+) on \2\.id = t\.(\w+)/g)];
      return (database, values) => {
        const rows = find(database, values, '').map((row) => {
          const others = joined.map(([, other, alias, column]) => {
            return [alias!, database.rows(other!).get(row[column!] as string) ?? null] as const;
          });
          return read({ t: row, ...Object.fromEntries(others) });
        });
        // A join may bring the rows in any order.
        return rows.toReversed();
      };
    },
  ],
  [
    /^select t\.(?<scope>\w+) as id, count\(\*\)::int as count from (?<table>\w+) t where (?<conditions>.*) group by 1$/s,
    ({ scope, table, conditions }) => {
      const matches = compileConditions(conditions!);
      return (database, values) => {
        const matching = [...database.rows(table!).values()].filter((row) => matches(row, values, ''));
        return [...Map.groupBy(matching, (row) => row[scope!]!)].map(([id, rows]) => [id, rows.length]);
      };
    },
  ],
  [
    /^select count\(\*\)::int as count from (?<table>\w+) t (?:where (?<conditions>.*))?$/s,
    ({ table, conditions }) => {
      const matches = compileConditions(conditions);
      return (database, values) => [
        [[...database.rows(table!).values()].filter((row) => matches(row, values, '')).length],
      ];
    },
  ],
  [
    /^with matching as materialized \(select [^(]+? from (?<table>\w+) t (?:where (?<conditions>.*?))?\)\s+select (?<figures>json_build_object\('snapshot', .*) as summary$/s,
    ({ table, conditions, figures }) => {
      const matches = compileConditions(conditions);
      const summarize = compileSummary(figures!);
      return (database, values) => {
        const rows = [...database.rows(table!).values()].filter((row) => matches(row, values, ''));
        return [[JSON.stringify({ snapshot: database.snapshot(), ...summarize(rows) })]];
      };
    },
  ],
  [
    /^select (?<columns>[^(]+?) from (?<table>\w+) t where t\.id = any\(\(select \$1::uuid\[\]\)::uuid\[\]\)$/,
    ({ columns, table }) => {
      const read = compileColumns(columns!);
      return (database, [ids]) =>
        (ids as string[]).flatMap((id) => {
          const row = database.rows(table!).get(id);
          return row ? [read({ t: row })] : [];
        });
    },
  ],
  [
    /^select (?<columns>[^(]+?) from (?<table>\w+) t (?<page>.*)$/s,
    ({ columns, table, page }) => {
      const find = compilePage(table!, page!);
      const read = compileColumns(columns!);
      return (database, values) => find(database, values, '').map((row) => read({ t: row }));
    },
  ],
];

/** What a summary tells of the rows, by the columns that its statement names. */
function compileSummary(figures: string): (rows: readonly SqlRow[]) => object {
  const namedIn = (pattern: RegExp) => [...figures.matchAll(pattern)].map(([, name]) => name!);
  const groups = namedIn(/select (\w+) as value, count\(\*\) as rows from matching group by 1/g);
  const missing = namedIn(/select count\(\*\) from matching where (\w+) is null/g);
  const measures = namedIn(/'reported', count\((\w+)\)/g);
  const [, units] = /sum\(floor\(\w+::float8 \* (\d+)\)\)/.exec(figures)!;
  return (rows) => ({
    total: rows.length,
    groups: groups.map((name) =>
      [...Map.groupBy(rows, (row) => row[name]!)].map(([value, all]) => [value, all.length]),
    ),
    missing: missing.map((name) => rows.filter((row) => row[name] === null).length),
    measures: measures.map((name) =>
      measure(
        rows.flatMap((row) => (row[name] === null ? [] : (row[name] as number))),
        Number(units),
      ),
    ),
  });
}

function measure(values: readonly number[], units: number): object {
  const sumOf = (part: (value: number) => number) =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + part(value * units), 0);
  const least = values.toSorted((a, b) => a - b);
  return {
    reported: values.length,
    whole: sumOf(Math.floor),
    rest: sumOf((value) => value - Math.floor(value)),
    least,
    greatest: least.toReversed(),
  };
}

function compileColumns(text: string): (rows: Readonly<Record<string, SqlRow | null>>) => Value[] {
  const columns = text.split(', ').map((column) => column.split('.') as [string, string]);
  return (rows) => columns.map(([alias, name]) => rows[alias]?.[name] ?? null);
}

type FindPage = (database: SimulatedDatabase, values: Parameters, scope: string) => SqlRow[];

function compilePage(table: string, text: string): FindPage {
  const found =
    /^(?:where (?<conditions>.*?) )?\s*order by t\.(?<column>\w+) (?<direction>ASC|DESC) (?<nulls>nulls (?:first|last))?, t\.id \k<direction> limit (?<limit>\$?)(?<size>\d+)$/s.exec(
      text,
    );
  if (!found) throw new Error(`The simulated database does not understand: ${text}`);
  const { conditions, column, direction, nulls, limit, size } = found.groups as Record<string, string>;
  const matches = compileConditions(conditions);
  const sign = direction === 'ASC' ? 1 : -1;
  // PostgreSQL puts nulls first when the order descends, unless it is told otherwise.
  const nullSign = (nulls ?? (direction === 'ASC' ? 'nulls last' : 'nulls first')) === 'nulls last' ? 1 : -1;
  const compare = (a: SqlRow, b: SqlRow) => {
    const [left, right] = [a[column!]!, b[column!]!];
    if ((left === null) !== (right === null)) return left === null ? nullSign : -nullSign;
    return sign * (compareValues(left, right) || compareValues(a.id!, b.id!));
  };
  return (database, values, scope) => {
    const matching: SqlRow[] = [];
    for (const row of database.rows(table).values()) if (matches(row, values, scope)) matching.push(row);
    return matching.sort(compare).slice(0, limit ? (values[Number(size) - 1] as number) : Number(size));
  };
}

function compareValues(a: Value, b: Value): number {
  return a === b ? 0 : a! < b! ? -1 : 1;
}

const CONDITIONS: readonly (readonly [RegExp, (found: RegExpExecArray) => Condition])[] = [
  [
    /t\.(\w+) = any\(\$(\d+)::(?:text|uuid)\[\]\)/y,
    ([, column, place]) =>
      (row, values) =>
        (values[Number(place) - 1] as Value[]).includes(row[column!]!),
  ],
  [
    /t\.(\w+) = \$(\d+)::uuid/y,
    ([, column, place]) =>
      (row, values) =>
        row[column!] === values[Number(place) - 1],
  ],
  [
    /t\.(\w+) = s\.id/y,
    ([, column]) =>
      (row, _values, scope) =>
        row[column!] === scope,
  ],
  [
    /t\.(\w+) is (not )?null/y,
    ([, column, not]) =>
      (row) =>
        (row[column!] === null) !== Boolean(not),
  ],
  [
    /lower\(t\.(\w+)\) like \$(\d+)/y,
    ([, column, place]) =>
      (row, values) => {
        const looked = (values[Number(place) - 1] as string).slice(1, -1).replace(/\\(.)/g, '$1');
        return row[column!] !== null && (row[column!] as string).toLowerCase().includes(looked);
      },
  ],
  [
    /(\()?\(t\.(\w+) is null and t\.id ([<>]) \$(\d+)::uuid\)(?: or t\.\w+ is not null\))?/y,
    ([, orHasValue, column, comparison, place]) => {
      const sign = comparison === '>' ? 1 : -1;
      return (row, values) =>
        row[column!] === null
          ? sign * compareValues(row.id!, values[Number(place) - 1] as string) > 0
          : orHasValue !== undefined;
    },
  ],
  [
    /(\()?\(t\.(\w+), t\.id\) ([<>]) \(\$(\d+)(?:::\w+)?, \$(\d+)::uuid\)(?: or t\.\w+ is null\))?/y,
    ([, isNullable, column, comparison, place, idPlace]) => {
      const sign = comparison === '>' ? 1 : -1;
      return (row, values) => {
        const held = row[column!]!;
        if (held === null) return isNullable !== undefined;
        const given = values[Number(place) - 1] as Value;
        const value = typeof held === 'number' && typeof given === 'string' ? Date.parse(given) : given;
        const order = compareValues(held, value) || compareValues(row.id!, values[Number(idPlace) - 1] as string);
        return sign * order > 0;
      };
    },
  ],
];

function compileConditions(text: string | undefined): Condition {
  const conditions: Condition[] = [];
  let at = 0;
  while (text && at < text.length) {
    if (at > 0) {
      if (!text.startsWith(' and ', at))
        throw new Error(`The simulated database does not understand: ${text.slice(at)}`);
      at += ' and '.length;
    }
    let found: RegExpExecArray | null = null;
    for (const [pattern, compile] of CONDITIONS) {
      pattern.lastIndex = at;
      found = pattern.exec(text);
      if (!found) continue;
      conditions.push(compile(found));
      break;
    }
    if (!found) throw new Error(`The simulated database does not understand: ${text.slice(at)}`);
    at += found[0].length;
  }
  return (row, values, scope) => conditions.every((matches) => matches(row, values, scope));
}
