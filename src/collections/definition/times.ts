/** Whether the value is a point in time of the years 1 to 9999, in whole milliseconds, as in a column of that precision. */
export function isTimeMs(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= EARLIEST_MS && (value as number) <= LATEST_MS;
}

const EARLIEST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');
