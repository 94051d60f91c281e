const decimals = (digits: number) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits });
const whole = decimals(0);
const tenths = decimals(1);
const hundredths = decimals(2);

export function formatNumber(value: number): string {
  if (value >= 100) return whole.format(value);
  return value >= 10 ? tenths.format(value) : hundredths.format(value);
}

export function formatPercent(value: number): string {
  return `${tenths.format(value)} %`;
}

export function formatMilliseconds(value: number): string {
  return value >= 1000 ? `${hundredths.format(value / 1000)} s` : `${formatNumber(value)} ms`;
}

export function formatBytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), units.length - 1);
  return `${formatNumber(value / 2 ** (10 * power))} ${units[power]}`;
}

export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
