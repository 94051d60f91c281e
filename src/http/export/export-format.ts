import { baseProperties, type Column, type Identified } from '../../collections/index.ts';

/** One column of an export: its name, and its value in a row. */
interface ExportColumn {
  readonly name: string;
  valueIn(record: Identified): ExportValue;
}

type ExportValue = string | number | boolean | null | readonly string[];

/** A way of writing rows as text. */
export interface ExportFormat {
  readonly contentType: string;
  /** What comes before the first row. */
  begin(columns: readonly ExportColumn[]): string;
  row(columns: readonly ExportColumn[], record: Identified): string;
}

/** The formats by the ends of their addresses. */
export const EXPORT_FORMATS: Readonly<Record<string, ExportFormat>> = {
  csv: {
    contentType: 'text/csv; charset=utf-8; header=present',
    begin: (columns) => csvLine(columns.map(({ name }) => name)),
    row: (columns, record) => csvLine(columns.map(({ valueIn }) => valueIn(record))),
  },
  ndjson: {
    contentType: 'application/x-ndjson; charset=utf-8',
    begin: () => '',
    row: (columns, record) =>
      `${JSON.stringify(Object.fromEntries(columns.map(({ name, valueIn }) => [name, valueIn(record)])))}\n`,
  },
};

/** What clients are not shown of a row. */
const HIDDEN = 'rowVersion';

/** The columns that clients may see: the id, what the entity adds, then what every row has. */
export function exportColumns(columns: readonly Column[]): readonly ExportColumn[] {
  const isBase = ({ property }: Column) => Object.hasOwn(baseProperties, property);
  const rank = (column: Column) => (column.property === 'id' ? 0 : isBase(column) ? 2 : 1);
  return columns
    .filter(({ property }) => property !== HIDDEN)
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ property, field, kind, target }) => {
      const read = (record: Identified) => (record as unknown as Readonly<Record<string, ExportValue>>)[field] ?? null;
      const readTime = (record: Identified) => {
        const value = read(record);
        return value === null ? null : new Date(value as number).toISOString();
      };
      return { name: target ? field : property, valueIn: kind === 'time' ? readTime : read };
    });
}

/** RFC 4180. */
function csvLine(values: readonly ExportValue[]): string {
  return `${values.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: ExportValue): string {
  if (value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = harmless(typeof value === 'string' ? value : value.join(';'));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Spreadsheets run what begins with one of these as a formula (OWASP, "CSV Injection"). */
function harmless(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}
