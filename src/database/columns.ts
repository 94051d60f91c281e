import type { Database } from './database.ts';

/** The values of each field of some rows, in the order of the rows. */
export type Columns<Row> = { readonly [Field in keyof Row]: readonly Row[Field][] };

/**
 * The statement that gives the rows of `text` as a single value: a JSON array with an array for each field.
 *
 * A driver spends the same on each value of each row, whatever it holds, and on each column. JSON is read in one go: that
 * takes half of the time for a page of 50 rows, and less for more.
 */
export function inColumns(fields: readonly string[], text: string): string {
  return `select ${aggregates('r', fields)}::text as columns from (${text}) r`;
}

/** Rows of another kind that a statement brings along: those that its own rows name. */
export interface Companions {
  readonly fields: readonly string[];
  /** Their statement, in which `rows` are the rows that name them. */
  readonly select: (rows: string) => string;
}

/** The same with companions: an array of the rows' arrays and of those of the companions. */
export function inColumnsWith({ fields: more, select }: Companions, fields: readonly string[], text: string): string {
  return `with r as materialized (${text}) select json_build_array(
    (select ${aggregates('r', fields)} from r), (select ${aggregates('c', more)} from (${select('r')}) c)
  )::text as columns`;
}

function aggregates(rows: string, fields: readonly string[]): string {
  return `json_build_array(${fields.map((field) => `json_agg(${rows}."${field}")`).join(', ')})`;
}

/** Runs a statement made by `inColumns`; `null` when it finds no rows. */
export async function queryColumns<Row>(
  database: Database,
  name: string,
  text: string,
  values: readonly unknown[],
  fields: readonly string[],
): Promise<Columns<Row> | null> {
  return toColumns(await queryJson<JsonColumns>(database, name, text, values), fields);
}

/** Runs a statement made by `inColumnsWith`. */
export async function queryColumnsWith<Row, Companion>(
  companions: Companions,
  database: Database,
  name: string,
  text: string,
  values: readonly unknown[],
  fields: readonly string[],
): Promise<{ readonly own: Columns<Row> | null; readonly companions: Columns<Companion> | null }> {
  const [own, more] = await queryJson<[JsonColumns, JsonColumns]>(database, name, text, values);
  return { own: toColumns(own, fields), companions: toColumns(more, companions.fields) };
}

/** Of each field in turn; `null` when there are no rows. */
type JsonColumns = readonly (readonly unknown[] | null)[];

async function queryJson<Value>(
  database: Database,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<Value> {
  const [row] = await database.query<{ columns: string }>(name, text, values);
  return JSON.parse(row!.columns);
}

function toColumns<Row>(json: JsonColumns, fields: readonly string[]): Columns<Row> | null {
  if (json[0] === null) return null;
  const columns: Record<string, unknown> = {};
  for (const [index, field] of fields.entries()) columns[field] = json[index];
  return columns as Columns<Row>;
}

/** So many rows the driver reads faster one by one. */
export const FEW_ROWS = 4;

/** The milliseconds since the epoch of a `timestamptz(3)`: a whole number, which a float holds exactly. */
export function epochMs(column: string): string {
  return `round(date_part('epoch', ${column}) * 1000)`;
}
